"""The ids that git gives to objects, and the encoding of trees that they depend on."""

import hashlib
from collections.abc import Callable, Mapping

from genopt_tui.errors import SessionError

FILE_MODE, EXECUTABLE_MODE, TREE_MODE = "100644", "100755", "40000"


def frame_object(kind: str, data: bytes) -> bytes:
    """An object as git hashes and compresses it."""
    return f"{kind} {len(data)}".encode() + b"\0" + data


def hash_object(kind: str, data: bytes) -> str:
    """The id of an object with this data."""
    return hashlib.sha1(frame_object(kind, data), usedforsecurity=False).hexdigest()


def hash_blob(data: bytes) -> str:
    """The id of these bytes as a file."""
    return hash_object("blob", data)


def encode_tree(entries: Mapping[str, tuple[str, str]]) -> bytes:
    """The data of a tree of name to (mode, id). git sorts folders as if their names ended in
    `/`."""
    order = sorted(
        entries.items(),
        key=lambda item: encode_name(item[0]) + (b"/" if item[1][0] == TREE_MODE else b""),
    )
    return b"".join(
        mode.encode() + b" " + encode_name(name) + b"\0" + bytes.fromhex(sha)
        for name, (mode, sha) in order
    )


def encode_name(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def build_trees(
    blobs: Mapping[str, str], write_tree: Callable[[Mapping[str, tuple[str, str]]], str]
) -> str:
    """The id of the tree that holds `blobs` (file name with slashes to blob id). `write_tree` gets
    the entries of each tree, inner ones first, and returns its id.

    Raises SessionError when a name is both a file and a folder.
    """
    entries: dict[str, tuple[str, str]] = {}
    folders: dict[str, dict[str, str]] = {}
    for name, sha in blobs.items():
        folder, slash, rest = name.partition("/")
        if slash:
            folders.setdefault(folder, {})[rest] = sha
        else:
            entries[name] = (FILE_MODE, sha)
    for folder, inner in folders.items():
        if folder in entries:
            raise SessionError(f"{folder} is both a file and a folder")
        entries[folder] = (TREE_MODE, build_trees(inner, write_tree))
    return write_tree(entries)


def compute_tree_id(files: Mapping[str, str]) -> str:
    """The id of a folder with these files (name with slashes to text)."""
    blobs = {name: hash_blob(encode_name(text)) for name, text in files.items()}
    return build_trees(blobs, lambda entries: hash_object("tree", encode_tree(entries)))
