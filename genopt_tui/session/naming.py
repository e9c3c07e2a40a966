"""Versions by what a person calls them."""

from genopt_tui.session.best import best
from genopt_tui.session.history import Version
from genopt_tui.session.reading import Versions
from genopt_tui.session.resolve import resolve


class Names(Versions):
    """Finds versions by name and by rank."""

    def best(self, direction: str = "higher") -> Version:
        """The best version by the lower confidence bound among those scored as head's line was; head when none is scored."""
        return best(self, direction) or self.version(self.head())

    def resolve(self, text: str) -> str:
        """The commit that a person means: head, start, best, a step (`7`, `7b`, `7.1`), branch, tag or commit id.

        Raises SessionError with the nearest name.
        """
        return resolve(self, text)
