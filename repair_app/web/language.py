"""Chinese or English: by the address, chosen on the page, else by the browser, else Chinese."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

from babel import Locale
from babel.support import NullTranslations
from flask import Blueprint, Flask, current_app, redirect, request, session
from flask_babel import Babel, get_locale, get_translations
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup
from werkzeug.wrappers import Response

from repair_app.labels import LANGUAGES
from repair_app.web.door import public

CHINESE = "zh_Hans_CN"
Translator = Callable[..., str]
babel = Babel()
pages = Blueprint("language", __name__)


def init_app(app: Flask) -> None:
    """Let the pages speak the reader's language."""
    babel.init_app(app, locale_selector=choose_language)
    app.register_blueprint(pages)
    translators: dict[Locale | None, Translator] = {}

    def translator() -> Translator:
        """Return what translates into the reader's language."""
        locale = get_locale()
        found = translators.get(locale)
        if found is None:
            found = translators[locale] = translator_of(get_translations())
        return found

    @pass_eval_context
    def translate(place: EvalContext, text: str, **values: object) -> str:
        return translator()(place, text, **values)

    # A page asks once which language it is in, a macro that it imports for each of its texts.
    app.jinja_env.globals["_"] = translate
    app.context_processor(lambda: {"_": translator()})


def translator_of(catalogue: NullTranslations) -> Translator:
    """Return what does as the templates' own `_`; that looks for the language at each text."""

    @pass_eval_context
    def translate(place: EvalContext, text: str, **values: object) -> str:
        translated = catalogue.ugettext(text)
        if place.autoescape:
            translated = Markup(translated)  # noqa: S704  # ours
        return translated % values if values or "%" in translated else translated

    return translate


def choose_language() -> str:
    """Return the language of the address, else the chosen one, else the browser's first of ours.

    In an address, for links from elsewhere: `?lang=en` or `?lang=zh`.
    """
    asked = request.args.get("lang", "")
    if asked in LANGUAGES:
        return "en" if asked == "en" else CHINESE
    known = current_app.config["LANGUAGES"]
    chosen = session.get("language")
    if chosen in known:
        return str(chosen)
    accepted = request.accept_languages.best_match(["zh", "zh-CN", "zh-Hans-CN", "en"])
    return "en" if accepted == "en" else CHINESE


@pages.post("/language")
@public
def change() -> Response:
    """Keep the chosen language for this session and go back."""
    chosen = request.form.get("language", "")
    if chosen in current_app.config["LANGUAGES"]:
        session["language"] = chosen
    return redirect(without_language(own_path(request.form.get("back", ""))))


def without_language(path: str) -> str:
    """Return a path that says no language, or what was chosen now would change nothing there."""
    parts = urlsplit(path)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name != "lang"]
    return path if kept == asked else parts._replace(query=urlencode(kept)).geturl()


def own_path(path: str) -> str:
    """Return a path of this site, or the front page: never somebody else's address."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_own else "/"
