"""Plain rows in the place of the tables: what guards and effects get when nothing is stored.

Made from the models themselves: the same columns, relationships and properties, so that a new
column needs nothing here. A row says that it is of its model, as `isinstance` and `match` ask.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import RelationshipProperty

from repair_app.db import Base
from repair_app.models import Deadline


class Children(list[Any]):
    """The rows that belong to one: what is appended points back at once."""

    def __init__(self, rows: list[Any], owner: "Row", key: str) -> None:
        super().__init__(rows)
        self.owner, self.key = owner, key

    def append(self, row: Any) -> None:
        """Add a row that belongs here from now on."""
        setattr(row, self.key, self.owner.id)
        super().append(row)


class Row:
    """A row of a table, in a world (`world.find`, `world.list_children`)."""

    columns: tuple[str, ...] = ()
    model: type[Base]
    world: Any
    id: int

    @property
    def ref(self) -> str:
        """Return the reference: it follows from the number, whatever order rows come in."""
        return f"{self.model.__name__}-{self.id}"

    @ref.setter
    def ref(self, _given: str) -> None:
        """Take no other reference."""


@cache
def row_class(model: type[Base]) -> type[Row]:
    """Return the class of plain rows of a model."""
    mapper = inspect(model)
    own = {
        name: value
        for parent in reversed(model.__mro__)
        if parent not in {object, Base} and issubclass(parent, Base)
        for name, value in vars(parent).items()
        if not name.startswith("_") and not is_mapped(mapper, name)
    }
    columns = tuple(one.key for one in mapper.column_attrs)
    if "ref" in columns:
        columns = tuple(name for name in columns if name != "ref")
        own.pop("ref", None)
    links = dict(link_of(relationship) for relationship in mapper.relationships)
    members = {
        **own,
        **links,
        "columns": columns,
        "model": model,
        "__class__": property(lambda _row: model),
    }
    return type(f"{model.__name__}Row", (Row,), members)


def is_mapped(mapper: Any, name: str) -> bool:
    """Say whether a name of a model is a column or a relationship."""
    return name in mapper.all_orm_descriptors or name in {"metadata", "registry"}


def link_of(relationship: RelationshipProperty[Any]) -> tuple[str, property]:
    """Return the name of a relationship and what stands for it in a plain row."""
    name, target = relationship.key, relationship.mapper.class_
    if target is Deadline:  # a term is over or running as the attempt says
        return name, property(lambda row: row.world.terms_of(row))
    if relationship.uselist:
        key = str(next(iter(relationship.remote_side)).key)
        return name, property(lambda row: children_of(row, name, target, key))
    key = str(next(iter(relationship.local_columns)).key)
    back = relationship.back_populates

    def get(row: Row) -> Any:
        return row.world.find(target, getattr(row, key))

    def put(row: Row, other: Any) -> None:
        setattr(row, key, None if other is None else other.id)
        if other is not None and back:
            kept = children_of(other, back, row.model, key)
            if row not in kept:
                list.append(kept, row)

    return name, property(get, put)


def children_of(row: Row, name: str, target: type[Base], key: str) -> Children:
    """Return the rows that belong to a row, the same list whenever it is asked for."""
    slot = f"_{name}"
    found: Children | None = row.__dict__.get(slot)
    if found is None:
        mine = [one for one in row.world.list_rows(target) if getattr(one, key) == row.id]
        found = row.__dict__[slot] = Children(mine, row, key)
    return found


def make_row(world: Any, model: type[Base], values: dict[str, Any]) -> Any:
    """Return a plain row; columns that are not given are empty, lists included."""
    row = object.__new__(row_class(model))
    row.__dict__.update(dict.fromkeys(row.columns), world=world)
    row.__dict__.update(defaults_of(model))
    for name, value in values.items():
        setattr(row, name, value)
    return row


@cache
def defaults_of(model: type[Base]) -> dict[str, Any]:
    """Return what columns start with."""
    return dict(list_defaults(model))


def list_defaults(model: type[Base]) -> Iterator[tuple[str, Any]]:
    """Yield the columns of a model that start with a value, and the value."""
    for column in inspect(model).columns:
        default: Any = column.default
        if default is not None and default.is_scalar:
            yield column.key, default.arg
        elif default is not None and default.is_callable:
            yield column.key, default.arg(None)
