"""Charts as pictures (SVG), drawn here: no script, readable in the light and in the dark.

A picture only repeats the table that it stands above; what cannot see it loses nothing.
"""

import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

WIDTH: Final = 640
ROW: Final = 34  # pixels of height for a lying bar
LONGEST: Final = 18  # characters of a row's name beside its bar
MOST: Final = 20  # rows that are drawn
FONTS: Final = (
    "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','Source Han Sans SC',system-ui,sans-serif"
)
# Blue, amber, green, brick, grey: told apart without colour by their order in the legend.
COLOURS: Final = ("#1d4f91", "#c98a1b", "#2e8b57", "#b3402f", "#7a8794", "#5f4b8b")
ON_DARK: Final = (
    "inline:@media (prefers-color-scheme: dark){"
    "text{fill:#dde3ea !important}"
    ".axis .line,.axis .guide.line{stroke:#55606c !important}"
    ".color-0{fill:#7ea6dd !important;stroke:#7ea6dd !important}"
    ".color-5{fill:#b3a1dd !important;stroke:#b3a1dd !important}}"
)
Number = int | float | None


def forget_plugins() -> None:
    """Take out pygal's search for plug-ins: of an old kind, it makes every later import warn."""
    sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "PluginImportFixer"]


@cache
def _style() -> Any:
    from pygal.style import Style

    forget_plugins()

    return Style(
        background="transparent",
        plot_background="transparent",
        foreground="#3c4854",
        foreground_strong="#1c2733",
        foreground_subtle="#c3cad2",
        opacity=1,
        opacity_hover=1,
        transition="0s",
        colors=COLOURS,
        font_family=FONTS,
        label_font_size=14,
        major_label_font_size=14,
        legend_font_size=14,
        value_font_size=13,
        no_data_font_size=18,
        guide_stroke_color="#d5dbe1",
        major_guide_stroke_color="#d5dbe1",
    )


def draw(
    kind: str,
    names: Sequence[str],
    series: Sequence[tuple[str, Sequence[Number]]],
    *,
    nothing: str = "—",
) -> bytes:
    """Return a chart as SVG.

    kind: "bar" (lying bars), "stack" (lying bars, one behind the other) or "line". names: of the
    rows. series: name and numbers of each. nothing: what stands there when there is no number.
    """
    rows = list(names)[:MOST]
    made = _chart_class(kind)(**_settings(kind, rows, len(series), nothing))
    made.add_xml_filter(without_scripts)
    lying = kind != "line"
    shown = [shorten(one) for one in rows]
    made.x_labels = shown[::-1] if lying else shown  # lying bars are drawn from the foot up
    for name, numbers in series:
        values = list(numbers)[:MOST]
        made.add(shorten(name, 2 * LONGEST), values[::-1] if lying else values)
    return bytes(made.render())


def without_scripts(root: Any) -> Any:
    """Return a drawing without what the library would run: a picture that is shown runs nothing."""
    for parent in list(root.iter()):
        for child in list(parent):
            if str(child.tag).endswith("script"):
                parent.remove(child)
    return root


def _chart_class(kind: str) -> Any:
    import pygal

    forget_plugins()
    return {
        "bar": pygal.HorizontalBar,
        "stack": pygal.HorizontalStackedBar,
        "line": pygal.Line,
    }[kind]


def _settings(kind: str, rows: Sequence[str], series: int, nothing: str) -> dict[str, Any]:
    bars = series if kind == "bar" else 1
    lying = max(len(rows), 2) * (ROW if bars == 1 else ROW * 0.75 * bars)
    return {
        "style": _style(),
        "js": [],  # the library would fetch a script from elsewhere
        "css": ["file://style.css", "file://graph.css", ON_DARK],
        "width": WIDTH,
        "height": int(320 if kind == "line" else lying + 90),
        "explicit_size": False,
        "no_prefix": True,
        "disable_xml_declaration": False,
        "show_legend": series > 1,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": series if series <= 3 else 2,  # noqa: PLR2004
        "legend_box_size": 12,
        "truncate_label": -1,
        "truncate_legend": -1,
        "print_values": False,  # they stand in the table, whatever the colour of the bar
        "formatter": write_number,
        "value_formatter": write_number,
        "show_y_guides": kind == "line",
        "show_x_guides": False,
        "show_minor_x_labels": True,
        "x_label_rotation": 40 if kind == "line" and len(rows) > 6 else 0,  # noqa: PLR2004
        "include_x_axis": True,
        "include_y_axis": True,
        "range": None,
        "zero": 0,
        "min_scale": 1,
        "max_scale": 6,
        "margin": 8,
        "margin_bottom": 30,
        "margin_left": 8 + (max(map(more_width, rows), default=0) if kind != "line" else 0),
        "spacing": 8,
        "dots_size": 3,
        "no_data_text": nothing,
    }


def write_number(value: Number) -> str:
    """Return a number as it stands on a picture; nothing for none."""
    if not value:
        return "0" if value == 0 else ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def more_width(name: str) -> int:
    """Return how many pixels a name takes beyond what the library reckons: it knows no Chinese."""
    return 6 * sum(ord(one) > 0x2E7F for one in shorten(name))  # noqa: PLR2004  # as in `shorten`


def shorten(name: str, most: int = LONGEST) -> str:
    """Return a name that fits beside a bar; Chinese characters are as wide as two letters."""
    kept, width = "", 0
    for one in name:
        width += 2 if ord(one) > 0x2E7F else 1  # noqa: PLR2004  # from here on: full width
        if width > 2 * most:
            return kept + "…"
        kept += one
    return kept
