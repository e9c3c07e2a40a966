"""The rows of a form, made from a settings model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting. `choices` are its possible values (empty: any text that the model accepts)."""

    key: str
    value: str
    help: str
    choices: tuple[str, ...] = ()
    group: str = ""
    default: str = ""


def list_fields(model: BaseModel, prefix: str = "") -> list[SettingField]:
    """All settings of a model, in its order; nested tables become dotted keys."""
    rows: list[SettingField] = []
    defaults = type(model).model_construct()
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            rows += list_fields(value, f"{prefix}{name}.")
        elif not isinstance(value, Mapping):
            default = format_value(getattr(defaults, name, None))
            rows.append(
                SettingField(
                    prefix + name,
                    format_value(value),
                    build_help(info),
                    list_choices(info.annotation),
                    prefix[:-1],
                    default,
                )
            )
    return rows


def format_value(value: Any) -> str:
    """A value as `KEY=VALUE` takes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def list_choices(annotation: Any) -> tuple[str, ...]:
    """The values of a Literal or a bool; empty for any other type."""
    if annotation is bool:
        return ("true", "false")
    return tuple(map(str, get_args(annotation))) if get_origin(annotation) is Literal else ()


def build_help(info: FieldInfo) -> str:
    """The field's description with its bounds."""
    bounds = []
    for bound in info.metadata:
        for name, word in (
            ("ge", "at least"),
            ("gt", "more than"),
            ("le", "at most"),
            ("lt", "less than"),
        ):
            if (limit := getattr(bound, name, None)) is not None:
                bounds.append(f"{word} {limit}")
    return "; ".join(part for part in (info.description or "", ", ".join(bounds)) if part)
