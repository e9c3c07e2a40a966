"""An artifact's files as modules, found by each other's `import`, and its errors as a person should
see them."""

import builtins
import contextlib
import importlib.machinery
import linecache
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from genopt_tui.evaluate.call_recorder import CallRecorder

# Builtins of our own: an artifact that changes the shared ones does not change these functions.
__builtins__ = dict(vars(builtins))  # type: ignore[assignment]
MAX_REPORT = 8000  # characters of an error report


class ArtifactImporter:
    """The modules of an artifact: their finder and loader. `given` is put among each module's
    globals before it runs.

    (Not by way of importlib.abc: what that loads would be copied into every player.)
    """

    def __init__(
        self,
        files: Mapping[str, str],
        injected_globals: Mapping[str, Any],
        recorder: CallRecorder | None,
    ) -> None:
        self.injected_globals, self.recorder = injected_globals, recorder
        self.sources = {
            to_module_name(file): (file, text)
            for file, text in files.items()
            if file.endswith(".py")
        }
        self.packages = {name.rpartition(".")[0] for name in self.sources} - {""}
        self._functions: dict[str, Callable[..., Any]] = {}
        self._instances: dict[type, Any] = {}
        for name in self.sources:
            sys.modules.pop(name, None)  # a library's module of that name gives way
        for file, text in files.items():
            if file.endswith(".py"):
                linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
            else:
                write_data_file(file, text)
        sys.meta_path.insert(0, self)

    def get_function(self, name: str) -> Callable[..., Any]:
        """What `module.function`, `module.Class` or `module.Class.method` calls. Raises whatever
        importing it raises."""
        if name not in self._functions:
            self._functions[name] = self._resolve(name)
        return self._functions[name]

    def _resolve(self, name: str) -> Callable[..., Any]:
        module, rest = self._split_name(name)
        target: Any = importlib.import_module(module)
        for part in rest:
            if not hasattr(target, part):
                raise AttributeError(
                    f"{self.sources[module][0]} has no {'.'.join(rest)!r}, which the task calls"
                )
            target = self._instantiate(getattr(target, part))
        if not callable(target):
            raise TypeError(f"{name} of the artifact is not callable")
        return target  # type: ignore[no-any-return]

    def _split_name(self, name: str) -> tuple[str, list[str]]:
        parts = name.split(".")
        for i in range(len(parts) - 1, 0, -1):
            if (module := ".".join(parts[:i])) in self.sources:
                return module, parts[i:]
        raise ModuleNotFoundError(f"the artifact has no file {parts[0]}.py, which the task calls")

    def _instantiate(self, target: Any) -> Any:
        if not isinstance(target, type):
            return target
        if target not in self._instances:
            self._instances[target] = target()
        return self._instances[target]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        loader: Any = self
        if fullname in self.sources:
            file = self.sources[fullname][0]
            package = file.endswith("__init__.py") or fullname in self.packages
            spec = importlib.machinery.ModuleSpec(fullname, loader, origin=file, is_package=package)
            spec.has_location = True
            return spec
        if fullname in self.packages:
            return importlib.machinery.ModuleSpec(fullname, loader, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """The usual kind of module."""

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ not in self.sources:
            return
        file, text = self.sources[module.__name__]
        vars(module).update(self.injected_globals)
        exec(compile(text, file, "exec", dont_inherit=True), vars(module))
        if self.recorder is not None:
            self.recorder.wrap(module, qualified=len(self.sources) > 1)


def to_module_name(file: str) -> str:
    """`folder/helper.py` as `folder.helper`."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def write_data_file(file: str, text: str) -> None:
    """Put a file that is not code into the scratch folder, where the artifact opens it by name."""
    if os.path.isabs(file) or ".." in file.split("/"):
        return
    if folder := os.path.dirname(file):
        os.makedirs(folder, exist_ok=True)
    with open(file, "w", encoding="utf-8", newline="") as out:
        out.write(text)


def format_traceback(error: BaseException, files: Mapping[str, str]) -> str:
    """The error's traceback cut to the artifact's own frames, bounded; never raises."""
    text = type(error).__name__
    with contextlib.suppress(BaseException):  # the artifact's own __str__ may raise anything
        summary = traceback.TracebackException.from_exception(error, limit=-200, compact=True)
        _filter_frames(summary, files, set())
        text = "".join(summary.format())
    return (
        text
        if len(text) <= MAX_REPORT
        else f"{text[: MAX_REPORT // 2]}\n…\n{text[-MAX_REPORT // 2 :]}"
    )


def _filter_frames(
    summary: traceback.TracebackException, files: Mapping[str, str], seen: set[int]
) -> None:
    if id(summary) in seen:
        return
    seen.add(id(summary))
    summary.stack = traceback.StackSummary.from_list(
        [f for f in summary.stack if f.filename in files]
    )
    for other in (summary.__cause__, summary.__context__):
        if other is not None:
            _filter_frames(other, files, seen)
