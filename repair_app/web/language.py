"""Chinese or English: chosen on the page, else by the browser, else Chinese."""

from collections.abc import Callable

from babel import Locale
from babel.support import NullTranslations
from flask import Blueprint, Flask, current_app, redirect, request, session
from flask_babel import Babel, get_locale, get_translations
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup
from werkzeug.wrappers import Response

from repair_app.web.door import public

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
    """Return the language that was chosen, or the first that the browser names and we speak."""
    known = current_app.config["LANGUAGES"]
    chosen = session.get("language")
    if chosen in known:
        return str(chosen)
    accepted = request.accept_languages.best_match(["zh", "zh-CN", "zh-Hans-CN", "en"])
    return "en" if accepted == "en" else "zh_Hans_CN"


@pages.post("/language")
@public
def change() -> Response:
    """Keep the chosen language for this session and go back."""
    chosen = request.form.get("language", "")
    if chosen in current_app.config["LANGUAGES"]:
        session["language"] = chosen
    return redirect(own_path(request.form.get("back", "")))


def own_path(path: str) -> str:
    """Return a path of this site, or the front page: never somebody else's address."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_own else "/"
