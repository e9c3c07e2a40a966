"""How git is called everywhere: one environment in which only our own configuration applies.

A session may come from a stranger, and git's configuration can name programs. So git never reads
the session's `config`, `info/attributes` or hooks: `GIT_COMMON_DIR`, where git looks for them, is a
read-only folder of this package, and only objects, refs, index and work tree are the session's.
Overrides by `GIT_CONFIG_*` would not be enough: they cannot remove a promisor remote.

Only the standard library: the interface reads head's row through this before anything else is
loaded.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from genopt_tui.errors import SessionError, single_line

COMMON_FOLDERS = Path(__file__).parent / "common"
REMOTE_ACCESS = {"GIT_ALLOW_PROTOCOL": "file:https:http:ssh:git"}
"""Variables for a call that may open an address the user named; any other call may open none."""
FALLBACK_IDENTITY = ("genopt (no git identity set)", "nobody@genopt.invalid")
SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.pager": "cat",
    "core.editor": "false",
    "core.sshCommand": "ssh -oBatchMode=yes",
    "core.askPass": "",
    "core.gitProxy": "",
    "core.fsync": "loose-object,pack,pack-metadata,reference",
    "core.fsyncMethod": "fsync",
    "core.quotePath": "false",
    "core.autocrlf": "false",
    "core.sparseCheckout": "false",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "log.showSignature": "false",
    "diff.external": "",
    "diff.noprefix": "false",
    "diff.mnemonicPrefix": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "fetch.fsckObjects": "true",
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    "credential.helper": "",
}


def build_git_variables(session: Path) -> dict[str, str]:
    """Variables that bind git to the repository at `session` and to our settings alone. Raises
    SessionError where its `.git` leads out of the session."""
    folder = session / ".git"
    if folder.is_symlink() or os.path.lexists(folder / "commondir"):
        raise SessionError(
            f"{session} cannot be opened",
            "its .git refers to another folder",
            "Clone it with `genopt clone`",
        )
    storage = "reftable" if uses_reftable(session) else "files"
    name, email = read_identity()
    variables = {
        "GIT_DIR": str(folder),
        "GIT_COMMON_DIR": str(COMMON_FOLDERS / storage),
        "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
        "GIT_INDEX_FILE": str(folder / "index"),
        "GIT_WORK_TREE": str(session),
        "GIT_SHALLOW_FILE": str(folder / "shallow"),
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
    }
    return {**variables, **_build_shared_variables()}


def uses_reftable(session: Path) -> bool:
    """Whether the session's refs are stored as reftables."""
    return (session / ".git" / "reftable").is_dir()


def build_environment(session: Path | None = None) -> dict[str, str]:
    """The whole environment of a git process: ours without git's variables, plus those above."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    own = build_git_variables(session) if session else _build_shared_variables()
    return {**inherited, **own}


def run_git(
    args: Sequence[str],
    session: Path | None = None,
    *,
    data: bytes = b"",
    ok: Sequence[int] = (0,),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> bytes:
    """Run `git args` and return its standard output.

    `session` is the repository, else git looks for one from `cwd`. `ok` lists the exit codes that
    are no error. Raises SessionError with git's own reason.
    """
    try:
        process = subprocess.run(
            ["git", *args],
            input=data,
            capture_output=True,
            env={**build_environment(session), **(env or {})},
            cwd=cwd or session,
        )
    except FileNotFoundError as error:
        raise make_missing_git_error() from error
    if process.returncode not in ok:
        raise make_git_error(args, process.stderr)
    return process.stdout


def start_git(args: Sequence[str], session: Path, *, stderr: int) -> "subprocess.Popen[bytes]":
    """Start a long-lived `git args` for the repository at `session`, with pipes for its input and
    output. Raises SessionError when git is not installed."""
    try:
        return subprocess.Popen(
            ["git", *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=build_environment(session),
            cwd=session,
        )
    except FileNotFoundError as error:
        raise make_missing_git_error() from error


def make_missing_git_error() -> SessionError:
    return SessionError("git is not installed", "", "Install git 2.34 or newer")


def make_git_error(args: Sequence[str], stderr: bytes) -> SessionError:
    """The error for a failed git call, with git's own reason."""
    return SessionError(f"git {args[0] if args else ''} failed", find_git_reason(stderr))


def find_git_reason(stderr: bytes) -> str:
    """The first line of git's standard error that names an error, else the last one."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = (line for line in lines if line.startswith(("fatal:", "error:")))
    return single_line(next(errors, lines[-1] if lines else "no reason given"))


@lru_cache(maxsize=1)
def read_identity() -> tuple[str, str]:
    """Name and address of the user, from the environment or the user's own git configuration;
    `FALLBACK_IDENTITY` when neither is set."""
    name = os.environ.get("GIT_COMMITTER_NAME", "")
    email = os.environ.get("GIT_COMMITTER_EMAIL", "")
    if not (name and email):
        config = _read_user_config()
        name, email = name or config.get("user.name", ""), email or config.get("user.email", "")
    if not (name or email):
        return FALLBACK_IDENTITY
    return (
        clean_identity_text(name) or FALLBACK_IDENTITY[0],
        clean_identity_text(email) or FALLBACK_IDENTITY[1],
    )


def format_identity() -> str:
    """`Name <address>` of the user, as commits name an author."""
    name, email = read_identity()
    return f"{name} <{email}>"


def clean_identity_text(text: str) -> str:
    """`text` as git allows it in a name or an address: one line, at most 200 characters, without
    angle brackets and the characters that git strips."""
    return single_line(text.replace("<", "").replace(">", "")).strip(" .,:;\"'\\")[:200]


def _read_user_config() -> dict[str, str]:
    sources = {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"}
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or key in sources
    }
    try:
        process = subprocess.run(
            ["git", "config", "-z", "--get-regexp", r"^user\.(name|email)$"],
            capture_output=True,
            env=environment,
            cwd=os.sep,
        )
    except FileNotFoundError:
        return {}
    entries = process.stdout.decode("utf-8", "replace").split("\0")
    pairs = (entry.partition("\n") for entry in entries if entry)
    return {key: value for key, _, value in pairs}


@lru_cache(maxsize=1)
def _build_shared_variables() -> dict[str, str]:
    variables = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_PAGER": "cat",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
        "GIT_NAMESPACE": "",
        "LC_ALL": "C",
        "GIT_CONFIG_COUNT": str(len(SETTINGS)),
    }
    for number, (key, value) in enumerate(SETTINGS.items()):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables
