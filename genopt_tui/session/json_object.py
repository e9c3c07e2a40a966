"""Immutable objects with typed fields that are encoded as JSON objects: commands and events.

They declare their fields as dataclasses do. They are no dataclasses because creating some seventy
of those takes about 20 ms, and the interface reads the journal before its first content.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Self, dataclass_transform

REQUIRED = object()


@dataclass_transform(kw_only_default=True, frozen_default=True)
class JsonObject:
    """Base class; subclasses list `name: type` or `name: type = default`.

    Fields are given by keyword. `from_json` ignores unknown keys and turns lists into tuples;
    `to_json` leaves out fields that have their default.
    """

    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        own = (name for name, kind in cls.__annotations__.items() if kind not in _CLASS_VARIABLES)
        cls._defaults = {**cls._defaults, **{n: cls.__dict__.get(n, REQUIRED) for n in own}}

    def __init__(self, **values: Any) -> None:
        if unknown := values.keys() - self._defaults.keys():
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        missing = [n for n, d in self._defaults.items() if d is REQUIRED and n not in values]
        if missing:
            raise TypeError(f"{type(self).__name__} needs {', '.join(missing)}")
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in self._values().items())})"
        )

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return type(self)(**{**self.__dict__, **changes})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The object of decoded JSON. Raises TypeError where a field without default is missing."""
        names = cls._defaults.keys() & data.keys()
        return cls(**{name: freeze(data[name]) for name in names})

    def to_json(self) -> dict[str, Any]:
        """The fields that differ from their defaults."""
        return {n: v for n, v in self._values().items() if v != self._defaults[n]}

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._defaults}


_CLASS_VARIABLES = (ClassVar[str],)


def freeze(value: Any) -> Any:
    """Decoded JSON with tuples in place of lists, at every depth of lists."""
    return tuple(map(freeze, value)) if isinstance(value, list) else value
