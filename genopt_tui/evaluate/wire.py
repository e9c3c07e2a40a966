"""Frames between runner, judge and player: msgpack with a few typed extensions; bounded, and never
executable.

A frame is a length (4 bytes, big endian) and that many bytes of msgpack. Extensions carry tuples,
sets, large integers, numpy arrays, and pandas frames as columns. The zygote imports this module
inside the sandbox: standard library and msgpack only.
"""

import builtins
import os
import sys
from typing import Any

import msgpack
from msgpack import packb, unpackb

# Builtins of our own: an artifact that changes the shared ones does not change these functions.
__builtins__ = dict(vars(builtins))  # type: ignore[assignment]
MAX_FRAME = 16 * 1024**2  # bytes of one frame from a player
MAX_NESTING = 32  # extensions inside extensions
# lists and maps of a frame: empty ones take 72 times their size in memory. Larger frames come from
# our own side and may hold one for each so many bytes.
MAX_CONTAINERS, BYTES_PER_CONTAINER = 1_000_000, 16
SMALL_FRAME = 256 * 1024  # bytes; smaller frames cannot hold too many
MAX_COPIED = 4  # bytes of all extensions, which are copied at each level, in sizes of the frame
MAX_EQUAL_HASHES = 64  # keys of a map or items of a set with one hash: each pair costs a comparison
MAX_OTHER_KEYS = 4096  # keys of a map that are not text
MAX_INTEGER = 4096  # bytes of an integer
TUPLE, SET, FROZENSET, INTEGER, ARRAY, OBJECTS, TABLE, SERIES, COMPLEX = range(1, 10)
# bytes per read: a larger buffer is mapped anew for every read, which costs more than the read
READ_SIZE = 64 * 1024
PLAIN_KINDS = "biufcSUMm"  # kinds of numpy dtypes that are plain bytes
# reused: a new packer for each value costs more than packing most values
_plain_packer = msgpack.Packer(strict_types=True)


class WireError(Exception):
    """A frame that is malformed, too large, or holds what cannot be sent. The message says
    which."""


class ChannelClosed(Exception):
    """The other side has closed the channel."""


def pack(value: Any) -> bytes:
    """`value` as msgpack. Raises WireError naming the type that cannot be sent."""
    try:
        plain: bytes = _plain_packer.pack(value)
        return plain
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass  # it holds more than plain data
    try:
        data: bytes = packb(value, default=_encode, strict_types=True)
    except WireError:
        raise
    except RecursionError as error:
        raise WireError("it is nested too deeply") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise WireError(
            "it is nested too deeply" if "recursion" in str(error) else str(error)
        ) from error
    return data


def unpack(data: bytes) -> Any:
    """The value in `data`, which may come from a hostile player. Raises WireError.

    Bounded in nesting, in containers, in bytes copied and in hash collisions, and so in time and
    memory.
    """
    return _Decoder(len(data)).unpack(data, 0)


def make_dict(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """A map of hostile keys. Raises WireError where too many of them collide."""
    _check_hashes([key for key, _ in pairs])
    return dict(pairs)


def _check_hashes(items: list[Any]) -> None:
    if len(items) <= MAX_EQUAL_HASHES:
        return
    hashes = sorted(map(hash, items))
    if any(a == b for a, b in zip(hashes, hashes[MAX_EQUAL_HASHES:], strict=False)):
        raise WireError("too many keys have the same hash")


class _Decoder:
    """Decodes one frame of `size` bytes and counts what that takes."""

    def __init__(self, size: int) -> None:
        self._containers_left = max(MAX_CONTAINERS, size // BYTES_PER_CONTAINER)
        self._copies_left = MAX_COPIED * max(size, SMALL_FRAME)
        self._counts = size > SMALL_FRAME

    def unpack(self, data: bytes, depth: int) -> Any:
        if depth > MAX_NESTING:
            raise WireError("it is nested too deeply")
        hooks: dict[str, Any] = {"ext_hook": lambda code, body: self._decode(code, body, depth + 1)}
        if self._counts:
            hooks |= {"list_hook": self._count, "object_hook": self._count}
        try:
            try:
                return unpackb(data, strict_map_key=True, **hooks)
            except ValueError as error:
                if "map key" not in str(error):
                    raise
                # Keys that are not text: their hashes can be made to collide.
                hooks.pop("object_hook", None)
                return unpackb(
                    data,
                    strict_map_key=False,
                    max_map_len=MAX_OTHER_KEYS,
                    object_pairs_hook=self._make_dict,
                    **hooks,
                )
        except WireError:
            raise
        except RecursionError as error:
            raise WireError("it is nested too deeply") from error
        except Exception as error:  # numpy and pandas raise many kinds over hostile data
            raise WireError(f"malformed data ({type(error).__name__})") from error

    def _count(self, container: Any) -> Any:
        self._containers_left -= 1
        if self._containers_left < 0:
            raise WireError("it has too many parts")
        return container

    def _make_dict(self, pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        self._count(pairs)
        return make_dict(pairs)

    def _decode(self, code: int, body: bytes, depth: int) -> Any:
        self._copies_left -= len(body)
        if self._copies_left < 0:
            raise WireError("it is nested too deeply")
        return _decode(code, bytes(body), depth, self)


def _encode(value: Any) -> Any:
    kind = type(value)
    if kind is tuple or (isinstance(value, tuple) and not hasattr(kind, "__array__")):
        return msgpack.ExtType(TUPLE, pack(list(value)))
    if isinstance(value, set | frozenset):
        return msgpack.ExtType(SET if isinstance(value, set) else FROZENSET, pack(list(value)))
    if isinstance(value, int):
        return _encode_integer(value)
    plain: type[Any]
    for plain in (str, float, bytes, list, dict):
        if isinstance(value, plain):
            return plain(value)
    if kind is complex:
        return msgpack.ExtType(COMPLEX, pack([value.real, value.imag]))
    return _encode_library_value(value)


def _encode_integer(value: int) -> Any:
    number = int(value)
    if -(2**63) <= number < 2**64:
        return number
    size = number.bit_length() // 8 + 1
    if size > MAX_INTEGER:
        raise WireError("an integer is too large")
    return msgpack.ExtType(INTEGER, number.to_bytes(size, "big", signed=True))


def _encode_library_value(value: Any) -> Any:
    """numpy and pandas values; only what is loaded already can be an instance of theirs."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None:
        if isinstance(value, numpy.generic):
            return value.item()
        if isinstance(value, numpy.ndarray):
            return _encode_array(value)
    if pandas is not None and hasattr(pandas, "DataFrame"):
        if isinstance(value, pandas.DataFrame):
            columns = [
                [name, _encode_column(value.iloc[:, i])] for i, name in enumerate(value.columns)
            ]
            return msgpack.ExtType(TABLE, pack([columns, _encode_column(value.index)]))
        if isinstance(value, pandas.Series):
            return msgpack.ExtType(
                SERIES, pack([value.name, _encode_column(value), _encode_column(value.index)])
            )
    raise WireError(f"a value of type {type(value).__name__} cannot be sent")


def _encode_array(value: Any) -> Any:
    if value.dtype.kind in PLAIN_KINDS:
        return msgpack.ExtType(ARRAY, pack([value.dtype.str, list(value.shape), value.tobytes()]))
    if value.dtype.kind == "O":
        return msgpack.ExtType(OBJECTS, pack([list(value.shape), value.ravel().tolist()]))
    raise WireError(f"an array of dtype {value.dtype} cannot be sent")


def _encode_column(values: Any) -> Any:
    array = values.to_numpy()
    return array if array.dtype.kind in PLAIN_KINDS else values.tolist()


def _decode(code: int, body: bytes, depth: int, decoder: _Decoder) -> Any:
    if code == INTEGER:
        if len(body) > MAX_INTEGER:
            raise WireError("an integer is too large")
        return int.from_bytes(body, "big", signed=True)
    value = decoder.unpack(body, depth)
    if not isinstance(value, list):
        raise WireError("malformed data (extension)")
    if code == TUPLE:
        return tuple(value)
    if code in (SET, FROZENSET):
        if len(value) > 65536 and not all(isinstance(item, str) for item in value):
            raise WireError("a set is too large")
        _check_hashes(value)
        return set(value) if code == SET else frozenset(value)
    if code == COMPLEX:
        return complex(*value)
    if code == ARRAY:
        return _decode_array(*value)
    if code == OBJECTS:
        return _decode_objects(*value)
    if code == TABLE:
        return _decode_table(*value)
    if code == SERIES:
        import pandas

        name, data, index = value
        return pandas.Series(data, index=pandas.Index(index), name=name)
    raise WireError("malformed data (unknown extension)")


def _decode_array(dtype: str, shape: list[int], data: bytes) -> Any:
    import numpy

    kind = numpy.dtype(dtype)
    if kind.kind not in PLAIN_KINDS:
        raise WireError("malformed data (array)")
    return numpy.frombuffer(data, kind).reshape(shape).copy()


def _decode_objects(shape: list[int], items: list[Any]) -> Any:
    import numpy

    array: Any = numpy.empty(len(items), object)
    for i, item in enumerate(items):
        array[i] = item
    return array.reshape(shape)


def _decode_table(columns: list[Any], index: Any) -> Any:
    import pandas

    frame = pandas.DataFrame(
        {i: column for i, (_, column) in enumerate(columns)}, index=pandas.Index(index)
    )
    frame.columns = pandas.Index([name for name, _ in columns])
    return frame


def describe_excess(size: int, limit: int) -> str:
    return f"it is too large ({size / 2**20:.1f} MB, at most {limit >> 20} MB)"


class Channel:
    """Frames over two descriptors: pipes, which cost half of what sockets do, or the same stream
    socket twice.

    `limit` bounds what is received, in bytes.
    """

    def __init__(self, read_fd: int, write_fd: int, limit: int = MAX_FRAME + 1024**2) -> None:
        self.read_fd, self.write_fd, self.limit, self._unread = read_fd, write_fd, limit, b""

    def send(self, value: Any) -> None:
        """Raises WireError for what cannot be sent, ChannelClosed when nobody listens."""
        self.send_packed(pack(value))

    def send_packed(self, body: bytes) -> None:
        if len(body) >= 2**32:
            raise WireError("it is too large")
        frame: bytes | memoryview = len(body).to_bytes(4, "big") + body
        try:
            written = os.write(self.write_fd, frame)
            while written < len(frame):
                frame = memoryview(frame)[written:]
                written = os.write(self.write_fd, frame)
        except OSError as error:
            raise ChannelClosed from error

    def receive(self) -> Any:
        """The next frame. Raises WireError, or ChannelClosed at the end."""
        return unpack(self.receive_packed())

    def receive_packed(self) -> bytes:
        data = self._unread or self._read_more()
        while len(data) < 4:
            data += self._read_more()
        need = int.from_bytes(data[:4], "big") + 4
        if need > self.limit:
            raise WireError(describe_excess(need, self.limit))
        if len(data) < need:
            data = self._read_until(data, need)
        self._unread = data[need:]
        return data[4:need]

    def has_unread(self) -> bool:
        """Whether more than one frame has arrived."""
        return bool(self._unread)

    def close(self) -> None:
        for fd in {self.read_fd, self.write_fd}:
            os.close(fd)

    def _read_until(self, data: bytes, need: int) -> bytes:
        gathered = bytearray(data)
        while len(gathered) < need:
            gathered += self._read_more()
        return bytes(gathered)

    def _read_more(self) -> bytes:
        try:
            data = os.read(self.read_fd, READ_SIZE)
        except OSError as error:
            raise ChannelClosed from error
        if not data:
            raise ChannelClosed
        return data
