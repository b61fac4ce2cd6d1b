"""Forms: one class for each question asked; workflow files name them.

Every class of this package that asks a question is found by its own name.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from repair_app.forms.base import TransitionForm


def every_form(base: type[TransitionForm]) -> Iterator[type[TransitionForm]]:
    """Yield the forms that ask something: those that only others build upon say `asked = False`."""
    for form in base.__subclasses__():
        if form.__dict__.get("asked", True):
            yield form
        yield from every_form(form)


for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

FORMS: dict[str, type[TransitionForm]] = {
    form.__name__: form for form in sorted(every_form(TransitionForm), key=lambda one: one.__name__)
}

__all__ = ["FORMS", "TransitionForm"]
