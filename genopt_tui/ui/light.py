"""A session's repository for an application that stays open."""

from collections.abc import Sequence

from genopt_tui.session import gitcall
from genopt_tui.session.repository import Repository


class LightRepository(Repository):
    """Calls git itself, as GitPython would: that takes 4 MB for as long as the application runs, for one call a version."""

    def git(self, *args: str, ok: Sequence[int] = (0,), data: bytes | None = None) -> bytes:
        return gitcall.run(args, self.path, data=data or b"", ok=ok)
