"""Caches of what is gathered from all versions of a session, so that the log is read once.

Each cache is a file in `.git/genopt`: {"at", "acts", KEY}. It is complete up to the commit `at`:
the last act on history (`acts` true) or head. The ancestors of later acts are what was added since.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from genopt_tui.folders import replace_text
from genopt_tui.session.git.refs import ACTS
from genopt_tui.session.history.reader import HistoryReader
from genopt_tui.session.history.versions import Version

Gathered = dict[str, Any]
Gather = Callable[[Gathered, Sequence[Version]], None]
"""Adds versions, the newest first, to what was gathered from older ones."""


def load_log_cache(repository: HistoryReader, name: str, key: str, gather: Gather) -> Gathered:
    """The cache in the file `name` under `key`, brought up to the last act with `gather`."""
    last = repository.refs.read(ACTS)
    at, cache = last or repository.head(), _read_cache(repository, name, key)
    if cache.get("at") == at and cache.get("acts") == bool(last):
        return dict(cache[key])
    gathered: Gathered = {}
    if last and cache.get("acts") and repository.objects.read(cache["at"]):
        gathered = dict(cache[key])
        versions = repository.run_log(at, f"^{cache['at']}")
    else:
        versions = repository.read_log(all_branches=True)
    gather(gathered, versions)
    file = repository.path / ".git" / "genopt" / name
    file.parent.mkdir(mode=0o700, exist_ok=True)
    replace_text(file, json.dumps({"at": at, "acts": bool(last), key: gathered}))
    return gathered


def _read_cache(repository: HistoryReader, name: str, key: str) -> dict[str, Any]:
    try:
        data = json.loads((repository.path / ".git" / "genopt" / name).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # ValueError: a power cut left half of it
        return {}
    if not isinstance(data, dict) or not isinstance(data.get(key), dict):
        return {}
    return data if isinstance(data.get("at"), str) and "acts" in data else {}
