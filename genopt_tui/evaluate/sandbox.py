"""Which isolation this machine offers, and how the zygote is started inside it.

The floor: a player reaches neither files nor network. Below it nothing runs unless the user says
`sandbox.kind = none`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from genopt_tui.config import Sandbox
from genopt_tui.errors import EvaluationError
from genopt_tui.evaluate import lockdown
from genopt_tui.task.loader import PACKAGE
from genopt_tui.task.rollout import Limits

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "BLIS_NUM_THREADS",
)
SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/bin", "/sbin")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")
NETWORK_FILES = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/ssl",
    "/etc/ca-certificates",
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
SYSTEM_INFO_FILES = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system/cpu")
SIGNAL_SCOPE_ABI = 6  # version of Landlock from which on signals stay inside
SCRATCH = "/scratch"  # the scratch folder as a player under bubblewrap sees it


@dataclass(frozen=True)
class Isolation:
    """An isolation this machine can give. `name` is what records and the status line say."""

    bwrap: str = ""  # the program's path, or empty
    landlock: bool = False
    seccomp: bool = False

    @property
    def name(self) -> str:
        if not self.bwrap and not self.landlock:
            return "none"
        return "+".join(
            ["bwrap" if self.bwrap else "landlock", "seccomp" if self.seccomp else "rlimits"]
        )


def choose_isolation(settings: Sandbox, *, processes: bool = False) -> Isolation:
    """The strongest isolation there is. Raises EvaluationError when it is below the floor: also
    where players may start
    `processes`, and nothing would keep those from sending signals to all others of this user."""
    if settings.kind == "none":
        return Isolation()
    seccomp, landlock = lockdown.seccomp_works(), lockdown.landlock_abi() >= 3
    bwrap = shutil.which("bwrap") or ""
    why = find_bwrap_error(bwrap) if bwrap else "bubblewrap is not installed"
    if not why:
        return Isolation(bwrap, landlock, seccomp)
    if landlock and seccomp and (not processes or lockdown.landlock_abi() >= SIGNAL_SCOPE_ABI):
        return Isolation("", landlock, seccomp)
    if landlock and seccomp:
        raise EvaluationError(
            "no sandbox here is strong enough for code that starts processes",
            f"{why}, and the Landlock of this kernel does not hold back their signals",
            "Install bubblewrap, or set limits.processes=0 where it needs none",
        )
    raise EvaluationError(
        "no sandbox here is strong enough to run code written by a model",
        f"{why}, and Landlock with seccomp is not there",
        "Install bubblewrap, or accept the risk with --set sandbox=none",
    )


@cache
def find_bwrap_error(program: str) -> str:
    """Why bubblewrap does not work here; empty when it does."""
    if not hasattr(os, "pidfd_open"):
        return "this Python has no pidfds, without which a process in a sandbox cannot be named from outside"
    line = [
        program,
        "--unshare-all",
        "--cap-drop",
        "ALL",
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]
    try:
        done = subprocess.run([*line, "true"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start ({error})"
    return (
        ""
        if done.returncode == 0
        else f"bubblewrap fails ({done.stderr.decode('utf-8', 'replace').strip()[:200]})"
    )


@dataclass(frozen=True)
class SandboxSpec:
    """How one zygote is started: its command line, environment, and what it is told about its
    walls."""

    command: Sequence[str]
    environment: dict[str, str]
    player_scratch: str  # as the player sees it
    read: Sequence[str]
    host_scratch: str  # the scratch folder as the judge sees it, or empty
    hidden: Sequence[str] = ()  # folders below `read` that stay closed


def describe_isolation(isolation: Isolation, settings: Sandbox, *, shared: bool) -> str:
    """What records and the status line say: the isolation, `shared` where command and artifact
    share it, what was opened."""
    opened = [f"read:{path}" for path in settings.read] + ["network"] * settings.network
    opened += [f"env:{name}" for name in settings.env]
    return " ".join([isolation.name, *["shared"] * shared, *opened])


def build_sandbox(
    isolation: Isolation,
    settings: Sandbox,
    limits: Limits,
    control: int,
    scratch_parent: str,
    *,
    command: bool = False,
    hidden: Sequence[str] = (),
) -> SandboxSpec:
    """How to start a zygote that is told its work on file descriptor `control`; scratch folders go
    below `parent`.

    `hidden` are the folders of packages that a task hides (PACKAGE/FOLDER).
    """
    read = [*SYSTEM_FOLDERS, *SYSTEM_FILES, *list_library_folders(), *settings.read]
    if settings.network:
        read += NETWORK_FILES
    outside = "" if isolation.bwrap else tempfile.mkdtemp(dir=scratch_parent)
    scratch = outside or SCRATCH
    start = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); sys.path += {list_package_folders()!r}; "
        f"from genopt_tui.evaluate.zygote import main; main({control})"
    )
    line = [sys.executable, "-s", "-B", "-c", start]
    if isolation.bwrap:
        line = (
            build_bwrap_command(
                isolation.bwrap, read, settings, limits, list_hidden_folders(hidden)
            )
            + line
        )
    path = build_search_path(read) if command else SYSTEM_PATH
    return SandboxSpec(
        line,
        build_environment(settings, scratch, path),
        scratch,
        [*read, *DEVICES, *SYSTEM_INFO_FILES],
        outside,
        list_hidden_folders(hidden),
    )


def build_search_path(read: Sequence[str]) -> str:
    """PATH of a command: the caller's as far as the sandbox shows it, then our interpreter's and
    the system's."""
    wanted = os.environ.get("PATH", "").split(os.pathsep)
    seen = [p for p in wanted if p and any(Path(p).is_relative_to(root) for root in read)]
    return os.pathsep.join(dict.fromkeys([*seen, str(Path(sys.prefix) / "bin"), SYSTEM_PATH]))


def build_environment(settings: Sandbox, scratch: str, path: str) -> dict[str, str]:
    """All that a zygote finds in its environment: one thread per worker, a fixed hash seed, no
    secrets."""
    named = {name: os.environ[name] for name in settings.env if name in os.environ}
    base = {
        "PATH": path,
        "LANG": "C.UTF-8",
        "HOME": scratch,
        "TMPDIR": scratch,
        "PYTHONHASHSEED": "0",
    }
    return (
        base
        | {"HF_HUB_OFFLINE": "1", "JOBLIB_MULTIPROCESSING": "0"}
        | dict.fromkeys(THREAD_VARIABLES, "1")
        | named
    )


def list_library_folders() -> list[str]:
    """Where the interpreter and its packages lie, without anything of the user's own beside
    them."""
    found = [sys.prefix, sys.base_prefix] if sys.prefix != "/usr" else []
    found += list_package_folders()
    return [str(p) for p in dict.fromkeys(Path(f).resolve() for f in found) if p.is_dir()]


def list_package_folders() -> list[str]:
    """Folders of installed packages on this interpreter's path, whichever way they came to be on
    it."""
    return [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]


def list_hidden_folders(hidden: Sequence[str]) -> list[str]:
    """Where the folders `hidden` lie in all packages that a player could see, and the bundled tasks
    with their labels."""
    bases = [Path(base) / "lib" for base in ("/usr", "/usr/local", sys.prefix, sys.base_prefix)]
    roots = [root for base in bases for root in base.glob("python3*/*-packages")]
    folders = [
        root / name for name in hidden for root in (*roots, *map(Path, list_package_folders()))
    ]
    return [
        str(p)
        for p in dict.fromkeys(p.resolve() for p in (*folders, PACKAGE / "_bundled"))
        if p.is_dir()
    ]


def build_bwrap_command(
    program: str, read: Sequence[str], settings: Sandbox, limits: Limits, hidden: Sequence[str]
) -> list[str]:
    """The bubblewrap command up to the program it starts."""
    line = [program, "--die-with-parent", "--new-session", "--unshare-all", "--cap-drop", "ALL"]
    line += ["--share-net"] if settings.network else []
    line += [
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--size",
        str(limits.scratch),
        "--tmpfs",
        "/dev/shm",
    ]
    line += ["--size", str(limits.scratch), "--tmpfs", SCRATCH]
    if not any(path.startswith("/tmp/") for path in (*read, str(PACKAGE))):
        line += ["--symlink", SCRATCH, "/tmp"]
    for path in (p for p in read if os.path.lexists(p)):
        if path in SYSTEM_FOLDERS and os.path.islink(path):
            line += ["--symlink", os.readlink(path), path]
        else:
            line += ["--ro-bind", path, path]
    for path in hidden:
        line += (
            ["--tmpfs", path, "--remount-ro", path]
            if any(Path(path).is_relative_to(p) for p in read)
            else []
        )
    return [
        *line,
        *build_own_code_binds(read),
        "--remount-ro",
        "/dev",
        "--remount-ro",
        "/",
        "--chdir",
        SCRATCH,
    ]


def build_own_code_binds(read: Sequence[str]) -> list[str]:
    """The few files of ours that a zygote needs."""
    if any(Path(path) in PACKAGE.parents for path in read):
        return []
    parts = [PACKAGE / "__init__.py", PACKAGE / "evaluate"]
    return [word for part in parts for word in ("--ro-bind", str(part), str(part))]
