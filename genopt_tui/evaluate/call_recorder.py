"""Recording the calls of an artifact's own functions: they are wrapped after import, nothing else
is slowed.

Arguments and results are packed at the moment of the call, so later changes of them do not show.
"""

import builtins
import functools
import inspect
import itertools
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import msgpack
from msgpack import packb

# Builtins of our own: an artifact that changes the shared ones does not change these functions.
__builtins__ = dict(vars(builtins))  # type: ignore[assignment]
MAX_VALUE = 4096  # bytes of one recorded argument or result
MAX_CALLS = 200  # between two answers to the judge
MAX_BYTES = 128 * 1024  # of all calls between two answers
MAX_DEPTH = 8
MAX_ITEMS, MAX_TEXT = 32, 500  # entries and characters kept of what is larger
RECORDED_SPECIAL_METHODS = (
    "__call__",
)  # special methods that are recorded, beside all ordinary ones
PACKED_DEPTHS = [bytes([depth]) for depth in range(MAX_DEPTH)]
_packer = msgpack.Packer()


class CallRecorder:
    """Calls since the last `take`, in the order in which they began."""

    def __init__(self) -> None:
        self.calls: list[bytes | None] = []
        self.depth = 0
        self.cut = 0

    def wrap(self, module: ModuleType, *, qualified: bool) -> None:
        """Wrap the functions and methods defined in `module`; names carry the module's where
        `qualified`."""
        prefix = f"{module.__name__}." if qualified else ""
        for name, value in list(vars(module).items()):
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if type(value) is FunctionType:
                setattr(module, name, self._wrap_function(value, prefix))
            elif isinstance(value, type):
                self._wrap_class(value, prefix)

    def _wrap_class(self, kind: type, prefix: str) -> None:
        for name, value in list(vars(kind).items()):
            if name.startswith("__") and name not in RECORDED_SPECIAL_METHODS:
                continue
            if type(value) is FunctionType:
                setattr(kind, name, self._wrap_function(value, prefix, method=True))
            elif (
                type(value) in (staticmethod, classmethod) and type(value.__func__) is FunctionType
            ):
                inner = self._wrap_function(
                    value.__func__, prefix, method=type(value) is classmethod
                )
                setattr(kind, name, type(value)(inner))

    def _wrap_function(
        self, function: FunctionType, prefix: str, *, method: bool = False
    ) -> Callable[..., Any]:
        names = tuple(inspect.signature(function).parameters)[int(method) :]
        head: bytes = b"\x95" + _pack_text(prefix + function.__qualname__)
        skip = int(method)

        @functools.wraps(function)
        def recorded(*arguments: Any, **named: Any) -> Any:
            depth, calls = self.depth, self.calls
            if depth >= MAX_DEPTH or len(calls) >= MAX_CALLS:
                self.cut += 1
                return function(*arguments, **named)
            place = len(calls)
            calls.append(None)
            given = self._pack_arguments(names, arguments[skip:] if skip else arguments, named)
            self.depth = depth + 1
            try:
                result = function(*arguments, **named)
            except BaseException as error:
                self.depth = depth
                self._store(
                    place,
                    head
                    + given
                    + b"\xc0"
                    + _pack_text(type(error).__name__)
                    + PACKED_DEPTHS[depth],
                )
                raise
            self.depth = depth
            self._store(
                place, head + given + self._pack_value(result) + b"\xc0" + PACKED_DEPTHS[depth]
            )
            return result

        return recorded

    def _store(self, place: int, packed: bytes) -> None:
        if place < len(self.calls):  # a generator or thread may end after its calls were taken
            self.calls[place] = packed

    def _pack_arguments(
        self, names: tuple[str, ...], values: tuple[Any, ...], named: dict[str, Any]
    ) -> bytes:
        if not named and len(values) <= len(names):
            try:
                packed: bytes = _packer.pack(dict(zip(names, values)))  # noqa: B905  those with defaults may be missing
                if len(packed) <= MAX_VALUE and len(values) < 16:
                    return packed
            except (TypeError, ValueError, OverflowError, RecursionError):
                pass  # one by one: not all are plain
        count = min(len(values) + len(named), 15)
        body = bytearray([0x80 | count])  # msgpack: a map of at most 15 entries
        for i, value in enumerate(values[:15]):
            body += _pack_text(names[i] if i < len(names) else f"*{i}") + self._pack_value(value)
        for name, value in list(named.items())[: count - len(values[:15])]:
            body += _pack_text(name) + self._pack_value(value)
        return bytes(body)

    def _pack_value(self, value: Any) -> bytes:
        try:
            packed: bytes = _packer.pack(value)
            if len(packed) <= MAX_VALUE:
                return packed
        except (TypeError, ValueError, OverflowError, RecursionError):
            pass  # not plain: described below
        return _pack(self._shorten(value, 0))

    def _shorten(self, value: Any, depth: int) -> Any:
        """`value` as plain data, bounded, without running any code of the artifact."""
        kind = type(value)
        if value is None or kind in (bool, float):
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**64 else "<large int>"
        if kind is str:
            self.cut += len(value) > MAX_TEXT
            return value[:MAX_TEXT]
        if depth < 4:
            if kind in (list, tuple):
                self.cut += len(value) > MAX_ITEMS
                return [self._shorten(item, depth + 1) for item in value[:MAX_ITEMS]]
            if kind is dict:
                self.cut += len(value) > MAX_ITEMS
                return {
                    _shorten_key(k): self._shorten(value[k], depth + 1)
                    for k in list(value)[:MAX_ITEMS]
                }
            if kind.__module__ == "numpy":
                return self._shorten_numpy(value, depth)
            if kind.__flags__ & (1 << 9) and type(
                getattr(kind, "__dict__", {}).get("__dict__")
            ).__name__ == ("getset_descriptor"):
                fields = object.__getattribute__(value, "__dict__")
                return {"": kind.__name__} | {
                    _shorten_key(k): self._shorten(fields[k], depth + 1)
                    for k in list(fields)[:MAX_ITEMS]
                }
        self.cut += 1
        return f"<{kind.__name__}>"

    def _shorten_numpy(self, value: Any, depth: int) -> Any:
        if type(value).__name__ != "ndarray":
            return (
                self._shorten(value.item(), depth + 1)
                if hasattr(value, "item")
                else f"<{type(value).__name__}>"
            )
        if value.size <= MAX_ITEMS and value.dtype.kind in "biufU":
            return value.tolist()
        self.cut += 1
        return f"<array {value.dtype} {'x'.join(map(str, value.shape))}>"

    def take(self) -> bytes:
        """The calls so far, packed as [cut, number, the calls' bytes]; the record begins anew."""
        calls, cut = self.calls, self.cut
        kept = [call for call in calls if call is not None]
        body = b"".join(kept)
        if len(body) > MAX_BYTES:
            kept = kept[: sum(size <= MAX_BYTES for size in itertools.accumulate(map(len, kept)))]
            body = b"".join(kept)
        self.calls, self.cut, self.depth = [], 0, 0
        packed: bytes = _packer.pack((cut + len(calls) - len(kept), len(kept), body))
        return packed


@functools.lru_cache(maxsize=4096)
def _pack_text(text: str) -> bytes:
    packed: bytes = packb(text[:200], unicode_errors="replace")
    return packed


def _pack(value: Any) -> bytes:
    packed: bytes = packb(value, unicode_errors="replace")
    return packed


def _shorten_key(key: Any) -> Any:
    return (
        key
        if type(key) in (str, int, float, bool)
        and key == key
        and -(2**63) <= _to_number(key) < 2**63
        else str(type(key).__name__)
    )


def _to_number(key: Any) -> Any:
    return 0 if type(key) is str else key
