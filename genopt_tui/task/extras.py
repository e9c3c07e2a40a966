"""Packages that only some tasks need, and the extras of genopt-tui that install them."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec

from genopt_tui.errors import TaskError


@dataclass(frozen=True)
class OptionalPackage:
    """The name of a package, and the extra that installs it."""

    package: str
    extra: str

    @property
    def advice(self) -> str:
        return f"Run: pip install 'genopt-tui[{self.extra}]'"


OPTIONAL_PACKAGES = {  # by the module that is imported
    "pandas": OptionalPackage("pandas", "tabular"),
    "sklearn": OptionalPackage("scikit-learn", "tabular"),
    "scipy": OptionalPackage("scipy", "science"),
}


def is_installed(module: str) -> bool:
    return find_spec(module) is not None


def ensure_installed(task: str, modules: Iterable[str]) -> None:
    """Raises TaskError if a module that the task needs is missing and an extra installs it."""
    for name in dict.fromkeys(module.partition(".")[0] for module in modules):
        if name in OPTIONAL_PACKAGES and not is_installed(name):
            raise make_error(task, name)


def make_error(task: str, module: str) -> TaskError:
    """The error for a missing package, with the way to install it."""
    missing = OPTIONAL_PACKAGES[module]
    return TaskError(f"{task} needs {missing.package}", "it is not installed", missing.advice)
