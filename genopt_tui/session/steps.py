"""Which versions a step left on any branch, without reading the whole log again.

What was found is kept in `.git/genopt/steps.json`, a cache brought up to date from the last act on history.
"""

import json
import os
from typing import Any

from genopt_tui.session.history import ACCEPTED
from genopt_tui.session.reading import Versions
from genopt_tui.session.refs import ACTS


def accepted(repository: Versions, step: int) -> list[str]:
    """Commits of the accepted versions of a step, the newest first; without those that plain git brought since the last act."""
    last = repository.refs.value(ACTS)
    at, kept = last or repository.head(), _load(repository)
    if kept.get("at") != at or kept["acts"] != bool(last):
        kept = _brought_up(repository, kept, at, bool(last))
    return list(kept["steps"].get(str(step), ()))


def _brought_up(repository: Versions, kept: dict[str, Any], at: str, acts: bool) -> dict[str, Any]:
    known = bool(acts and kept.get("acts") and repository.objects.read(kept["at"]))
    fresh = repository.log_of(at, f"^{kept['at']}") if known else repository.log(all=True)
    steps: dict[str, list[str]] = kept["steps"] if known else {}
    for version in reversed(fresh):
        commits = steps.setdefault(str(version.step), []) if version.step and version.decision in ACCEPTED else None
        if commits is not None and version.commit not in commits:
            commits.insert(0, version.commit)
    made = {"at": at, "acts": acts, "steps": steps}
    file = repository.path / ".git" / "genopt" / "steps.json"
    file.parent.mkdir(mode=0o700, exist_ok=True)
    temporary = file.with_name(f"steps.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(made), encoding="utf-8")
    os.replace(temporary, file)
    return made


def _load(repository: Versions) -> dict[str, Any]:
    try:
        data = json.loads((repository.path / ".git" / "genopt" / "steps.json").read_text(encoding="utf-8"))
        return data if isinstance(data, dict) and isinstance(data.get("steps"), dict) and "acts" in data else {}
    except (FileNotFoundError, ValueError):  # ValueError: half of it was written when the power went
        return {}
