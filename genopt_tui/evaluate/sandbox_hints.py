"""Which setting of the sandbox would have let a failed artifact through.

Hints are for people. They name paths outside the sandbox, so they never enter a prompt: an artifact
that names a path in its error would learn whether it exists.
"""

import os
import re
from collections.abc import Sequence

from genopt_tui.config import Sandbox

MISSING_PATH = re.compile(
    r"(?:No such file or directory|Permission denied|Operation not permitted|Read-only file system)"
    r"\W+(/[^'\"\n:]+)"
    r"|(/[^'\"\s:]+): (?:No such file or directory|Permission denied|not found)"
)
NETWORK_ERROR = re.compile(
    r"socket\.gaierror|Temporary failure in name resolution|Could not resolve host"
    r"|Network is unreachable|Name or service not known|in (?:_socket|socket)\b|PermissionError.*(?:socket|connect)|socket\.py"
)
SOCKET_USE = re.compile(r"\bsocket\b|\bconnect\b|urlopen|requests\.|http\.client|asyncio")
MISSING_VARIABLE = re.compile(r"KeyError: '([A-Za-z_][A-Za-z0-9_]*)'")
PROCESS_ERROR = re.compile(
    r"BlockingIOError: \[Errno 11\]|\bos\.(?:fork|exec\w*|posix_spawn\w*)|subprocess\."
)


def find_hint(
    text: str,
    settings: Sandbox,
    limits_processes: int,
    scratch: str,
    hidden_folders: Sequence[str] = (),
) -> str:
    """The restriction of the sandbox that a failed rollout's error and output point to, with the
    setting that lifts it; else ""."""
    if not settings.network and (
        NETWORK_ERROR.search(text)
        or ("Operation not permitted" in text and SOCKET_USE.search(text))
    ):
        return "the sandbox has no network: --set sandbox.network=true opens it"
    if path := find_hidden_path(text, scratch):
        if path.startswith(tuple(f"{folder}/" for folder in hidden_folders)):
            return f"the task hides {path}: it holds what is to be predicted"
        return f"the sandbox does not show {path}: --set sandbox.read={path} opens it for reading"
    if (
        "environ" in text
        and (found := MISSING_VARIABLE.search(text))
        and found[1] in os.environ
        and found[1] not in settings.env
    ):
        return (
            f"the sandbox hides the environment variable {found[1]}: "
            f"--set sandbox.env={found[1]} shows it"
        )
    if not limits_processes and PROCESS_ERROR.search(text) and re.search(r"Errno (?:1|11)\]", text):
        return "the sandbox starts no further processes: --set limits.processes=N allows N of them"
    return ""


def find_hidden_path(text: str, scratch: str) -> str:
    """A path that the artifact could not reach although it exists outside."""
    for match in MISSING_PATH.finditer(text):
        path = (match[1] or match[2]).strip()
        if not path.startswith((scratch or "/scratch", "/proc", "/sys", "/dev")) and os.path.exists(
            path
        ):
            return path
    return ""
