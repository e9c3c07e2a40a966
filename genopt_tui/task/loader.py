"""Finding task folders and reading them."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from genopt_tui.config import read_toml
from genopt_tui.errors import TaskError
from genopt_tui.folders import user_file
from genopt_tui.task import extras
from genopt_tui.task.model import Task

if TYPE_CHECKING:
    import hashlib

PACKAGE = Path(__file__).resolve().parent.parent
IGNORED_NAMES = {"__pycache__", ".git", ".DS_Store"}


@dataclass(frozen=True)
class TaskFolder:
    """A task and the folder it was read from."""

    path: Path
    task: Task

    def read_start(self, name: str = "") -> dict[str, str]:
        """The files of a start, by default the first: name to text. Raises TaskError."""
        name = name or next(iter(self.task.starts), "")
        if name not in self.task.starts:
            raise TaskError(
                f"{self.task.name} has no start '{name}'",
                advice=f"It has: {', '.join(self.task.starts)}",
            )
        folder = self.path / "starts" / self.task.member / name
        folder = folder if folder.is_dir() else self.path / "starts" / name
        files = {}
        for file in sorted(
            p for p in folder.rglob("*") if p.is_file() and not IGNORED_NAMES & set(p.parts)
        ):
            try:
                files[file.relative_to(folder).as_posix()] = file.read_bytes().decode("utf-8")
            except UnicodeDecodeError as error:
                raise TaskError(
                    f"start '{name}' of {self.task.name}", f"{file.name} is not UTF-8 text"
                ) from error
        if not files:
            raise TaskError(
                f"start '{name}' of {self.task.name}",
                "its folder is empty or missing",
                f"Put the files in {folder}",
            )
        return files

    def load_module(self) -> ModuleType:
        """Import `task.py` under a unique name, with its folders on the path. Raises TaskError."""
        file = self.path / "task.py"
        if not file.exists():
            raise TaskError(
                f"{self.task.name} has no task.py and no command",
                advice=f"Write {file}, or set command in task.toml",
            )
        name = "genopt_task_" + sha256(str(file).encode()).hexdigest()[:12]
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise TaskError(f"cannot load {file}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        # tasks of a family share modules in the parent folder
        for folder in (self.path.parent, self.path):
            if str(folder) not in sys.path:
                sys.path.insert(0, str(folder))
        try:
            spec.loader.exec_module(module)
        except ModuleNotFoundError as error:
            if error.name in extras.OPTIONAL_PACKAGES:
                raise extras.make_error(self.task.name, error.name) from error
            raise
        return module

    def compute_fingerprint(self, settings: Mapping[str, Any], limits: object) -> str:
        """Digest of what determines scores besides the artifact.

        That is the task's code and data, its settings, limits and packages.
        """
        digest = self._digest_files()
        digest.update(repr(sorted(settings.items())).encode() + repr(limits).encode())
        for package in sorted(self.task.preload):
            digest.update(f"{package}={_find_version(package)}\n".encode())
        return digest.hexdigest()[:16]

    def compute_file_digest(self) -> str:
        """Digest of the task's code and data: the part of the fingerprint that a judge can load."""
        return self._digest_files().hexdigest()[:16]

    def _digest_files(self) -> "hashlib._Hash":
        digest = sha256()
        for file in self.list_scoring_files():
            digest.update(
                os.fsencode(file.relative_to(self.path.parent))
                + b"\0"
                + _read_content(file)
                + b"\0"
            )
        return digest

    def read_file_states(self) -> list[tuple[Path, int, int]]:
        """Path, size and modification time of these files: cheaper than their digest."""
        states = ((file, file.stat()) for file in self.list_scoring_files())
        return [(file, state.st_size, state.st_mtime_ns) for file, state in states]

    def list_scoring_files(self) -> list[Path]:
        """The files that determine scores: the folder without starts, prompts and recording, and
        the modules of the family."""
        own = [p for p in self.path.rglob("*") if p.is_file() and not IGNORED_NAMES & set(p.parts)]
        left_out = {self.path / (self.task.demo or "demo.jsonl"), self.path / "README.md"}
        own = [
            p
            for p in own
            if p.relative_to(self.path).parts[0] not in {"starts", "prompt"} and p not in left_out
        ]
        return sorted(own + [p for p in self.path.parent.glob("*.py") if self.is_bundled])

    @property
    def is_bundled(self) -> bool:
        return find_bundled_root() in self.path.parents


def find_bundled_root() -> Path:
    """The folder of the bundled tasks: beside the package in a checkout, inside it in a wheel."""
    inside = PACKAGE / "_bundled" / "tasks"
    return inside if inside.exists() else PACKAGE.parent / "tasks"


def list_tasks() -> list[str]:
    """Names of the bundled tasks and of the user's own (`tasks/` in the user's folder)."""
    found: set[str] = set()
    for root in (find_bundled_root(), user_file("tasks")):
        for file in root.glob("**/task.toml"):
            name = file.parent.relative_to(root).as_posix()
            members = read_toml(file).get("members", {})
            found |= (
                {f"{name}/{member}" for member in members if member != "*"} if members else {name}
            )
    return sorted(found)


def find_task(name: str) -> TaskFolder:
    """The task `name`: bundled, the user's, or the path of a folder. Raises TaskError, suggesting
    the nearest name."""
    from difflib import get_close_matches

    parts = Path(name).parts
    for root in (find_bundled_root(), user_file("tasks")):
        for split in range(len(parts), 0, -1):
            folder, member = root.joinpath(*parts[:split]), "/".join(parts[split:])
            if (
                ".." not in parts
                and not Path(name).is_absolute()
                and (folder / "task.toml").is_file()
                and _has_task(folder, member)
            ):
                return load_task(folder, name, member)
    if (Path(name) / "task.toml").is_file():
        return load_task(Path(name).resolve())
    close = get_close_matches(name, list_tasks(), 1, 0.3)
    why = "it is neither a bundled task, nor yours, nor a folder with a task.toml"
    raise TaskError(
        f"no task '{name}'", why, f"Did you mean {close[0]}?" if close else "See `genopt tasks`"
    )


@lru_cache(maxsize=64)
def load_task(path: Path, name: str = "", member: str = "") -> TaskFolder:
    """The task in the folder `path`. Raises TaskError naming file and key."""
    from pydantic import ValidationError

    data = read_toml(path / "task.toml")
    try:
        task = Task.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise TaskError(
            f"{path / 'task.toml'}: {'.'.join(str(p) for p in first['loc'])}", first["msg"]
        ) from error
    task = task.for_member(member) if member else task
    return TaskFolder(path, task.model_copy(update={"name": name or task.name or path.name}))


def _read_content(file: Path) -> bytes:
    """The content of a file for the fingerprint; for a link to a large input, its target, size and
    modification time."""
    if file.is_symlink():
        state = file.stat()
        return f"{os.readlink(file)} {state.st_size} {state.st_mtime_ns}".encode()
    return file.read_bytes()


def _has_task(folder: Path, member: str) -> bool:
    """Whether the task in `folder` has this member; without one, whether it is not a family."""
    members = read_toml(folder / "task.toml").get("members", {})
    return member in members or "*" in members if member else not members


def _find_version(module: str) -> str:
    """Version of the package that `module` belongs to, "-" for the standard library."""
    name = module.partition(".")[0]
    try:
        return version(name)
    except PackageNotFoundError:
        return (
            ",".join(version(package) for package in packages_distributions().get(name, [])) or "-"
        )
