"""How git is called everywhere: nothing of the user's, the system's or a foreign session's
configuration runs.

Only the standard library: the interface reads head's row through this before anything else is
loaded.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from genopt_tui.errors import SessionError, single_line

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
    "protocol.allow": "never",
    "protocol.file.allow": "always",
    "protocol.https.allow": "always",
    "protocol.http.allow": "always",
    "protocol.ssh.allow": "always",
    "protocol.git.allow": "always",
    "fetch.fsckObjects": "true",
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    "credential.helper": "",
}


def build_git_variables(session: Path) -> dict[str, str]:
    """Variables that bind git to the repository at `session` and to our settings alone."""
    folder = session / ".git"
    name, email = read_identity()
    variables = {
        "GIT_DIR": str(folder),
        "GIT_WORK_TREE": str(session),
        "GIT_INDEX_FILE": str(folder / "index"),
        "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
        "GIT_COMMON_DIR": str(folder),
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
    }
    return {**variables, **_build_shared_variables()}


def build_environment(session: Path | None = None) -> dict[str, str]:
    """A whole environment for a git process: this process's without its git variables, plus
    `environment`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return {**kept, **(build_git_variables(session) if session else _build_shared_variables())}


def run_git(
    args: Sequence[str],
    session: Path | None = None,
    *,
    data: bytes = b"",
    ok: Sequence[int] = (0,),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> bytes:
    """Standard output of `git args`. Raises SessionError with git's own last line when it ends with
    another code than `ok`."""
    try:
        done = subprocess.run(
            ["git", *args],
            input=data,
            capture_output=True,
            env={**build_environment(session), **(env or {})},
            cwd=cwd or session,
        )
    except FileNotFoundError as error:
        raise SessionError("git is not installed", "", "Install git 2.34 or newer") from error
    if done.returncode not in ok:
        raise make_git_error(args, done.stderr)
    return done.stdout


def make_git_error(args: Sequence[str], stderr: bytes) -> SessionError:
    """The error for a git call that failed, with what git said."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    said = next(
        (line for line in lines if line.startswith(("fatal:", "error:"))),
        lines[-1] if lines else "no reason given",
    )
    return SessionError(f"git {args[0] if args else ''} failed", single_line(said))


@lru_cache(maxsize=1)
def read_identity() -> tuple[str, str]:
    """Name and address of the user, from the environment or the user's own git configuration;
    `FALLBACK` when unset."""
    name, email = (
        os.environ.get("GIT_COMMITTER_NAME", ""),
        os.environ.get("GIT_COMMITTER_EMAIL", ""),
    )
    if not (name and email):
        found = _read_user_config()
        name, email = name or found.get("user.name", ""), email or found.get("user.email", "")
    return (
        (
            clean_identity_text(name) or FALLBACK_IDENTITY[0],
            clean_identity_text(email) or FALLBACK_IDENTITY[1],
        )
        if name or email
        else FALLBACK_IDENTITY
    )


def clean_identity_text(text: str) -> str:
    """`text` as git allows it in a name or an address: one line, no angle brackets, no characters
    git strips."""
    return single_line(text.replace("<", "").replace(">", "")).strip(" .,:;\"'\\")[:200]


def _read_user_config() -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_")
        or key in {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"}
    }
    try:
        done = subprocess.run(
            ["git", "config", "-z", "--get-regexp", r"^user\.(name|email)$"],
            capture_output=True,
            env=kept,
            cwd=os.sep,
        )
    except FileNotFoundError:
        return {}
    pairs = (
        entry.partition("\n")
        for entry in done.stdout.decode("utf-8", "replace").split("\0")
        if entry
    )
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
