"""The tree id of an artifact that is not stored."""

import hashlib
from collections.abc import Mapping

from genopt_tui.session.objects import blob_id


def tree_id(files: Mapping[str, str]) -> str:
    """The id git gives to a folder with these files (name with `/` to text)."""
    entries: list[tuple[bytes, bytes, str]] = []
    folders: dict[str, dict[str, str]] = {}
    for name, text in files.items():
        folder, slash, rest = name.partition("/")
        if slash:
            folders.setdefault(folder, {})[rest] = text
        else:
            entries.append((name.encode(), b"100644", blob_id(text.encode("utf-8", "surrogateescape"))))
    entries += [(name.encode() + b"/", b"40000", tree_id(inside)) for name, inside in folders.items()]
    body = b"".join(mode + b" " + name.rstrip(b"/") + b"\0" + bytes.fromhex(sha) for name, mode, sha in sorted(entries))
    return hashlib.sha1(f"tree {len(body)}".encode() + b"\0" + body, usedforsecurity=False).hexdigest()
