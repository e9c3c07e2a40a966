"""High-level git commands that no step waits for: packing, checking, bundles, fetching.

They run through GitPython, which is imported only here and only when one is needed.
"""

from collections.abc import Mapping
from pathlib import Path

from genopt_tui.session.git import cli


def run_porcelain(session: Path, *args: str, env: Mapping[str, str] | None = None) -> bytes:
    """Run `git args` in the repository at `session`; its standard output. Raises SessionError."""
    from git.cmd import Git

    code, output, stderr = Git(str(session)).execute(
        ["git", *args],
        env={**cli.build_git_variables(session), **(env or {})},
        with_extended_output=True,
        with_exceptions=False,
        stdout_as_string=False,
        strip_newline_in_stdout=False,
    )
    if code:
        raise cli.make_git_error(args, stderr.encode() if isinstance(stderr, str) else stderr)
    return bytes(output)
