"""Artifact pane: files of the version shown, with editable and changed lines marked."""

from collections.abc import Mapping
from dataclasses import dataclass

from textual.app import ComposeResult

from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_pool
from genopt_tui.ui.messages import BlameRequested
from genopt_tui.ui.panes.line_pane import LinePane, pluralize
from genopt_tui.ui.state.snapshot import Snapshot, VersionView
from genopt_tui.ui.widgets.acts import Acts
from genopt_tui.ui.widgets.bars import Tabs
from genopt_tui.ui.widgets.code_view import CodeLines, CodeView, find_changed_lines


@dataclass(frozen=True, slots=True)
class Gutter:
    """Marks beside the lines of a file: editable ranges (from 1, inclusive), changed lines."""

    scope: tuple[tuple[int, int], ...] = ()
    changed: frozenset[int] = frozenset()


def build_gutters(version: VersionView, base: Mapping[str, str]) -> Mapping[str, Gutter]:
    """Marks for every file of `version`; changed lines are those not in `before`.

    Raises UsageError if a scope entry matches nothing.
    """
    from genopt_tui.learn.scope import parse_scope

    scope = None if version.scope is None else parse_scope(version.scope, version.files)
    gutters = {}
    for name, text in version.files.items():
        old = base.get(name, "")
        changed = find_changed_lines(old, text) if base and old != text else frozenset()
        gutters[name] = Gutter(
            tuple(scope.find_editable_lines(name, text)) if scope else (), changed
        )
    return gutters


class ArtifactPane(LinePane):
    """Pane 2.

    `[` and `]` go to the previous or next change, also in other files; `{`, `}` and Enter switch
    files; `v` compares with the start instead of the parent; `w` shows which version wrote each
    line.
    """

    NUMBER = 2

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = Tabs()
        self.view: CodeView = CodeView()
        self.version: VersionView | None = None
        self.shown_file = ""
        self._gutters: Mapping[str, Gutter] = {}
        self._scope_error = ""
        self._is_historical = False
        self._since_start = False
        self._show_authors = False

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield self.view

    def feed(self, snapshot: Snapshot) -> None:
        version = snapshot.version
        if version is None or (
            version is self.version and snapshot.is_historical == self._is_historical
        ):
            return
        old, self.version, self._is_historical = self.version, version, snapshot.is_historical
        self._since_start = self._since_start and bool(version.start)
        if (
            self._show_authors
            and not version.blame
            and (old is None or old.commit != version.commit)
        ):
            self.post_message(BlameRequested(version.commit).set_sender(self))
        if old is None or old.files != version.files:
            self._gutters = {}
            keep = self.shown_file in version.files
            self._show_file(self.shown_file if keep else _choose_first_file(version), keep=keep)
        elif old.blame is not version.blame:
            self._show_file(self.shown_file, keep=True)
        self._request_gutters()

    def _request_gutters(self) -> None:
        if self.version is not None and self.version.scope is not None:
            self.run_worker(self._read_gutters(self.version), group="gutters", exclusive=True)

    @property
    def _compared_files(self) -> Mapping[str, str]:
        """The files that changes are relative to."""
        assert self.version is not None
        return self.version.start if self._since_start else self.version.before

    async def _read_gutters(self, version: VersionView) -> None:
        try:
            gutters = await run_in_pool(build_gutters, version, self._compared_files)
            self._scope_error = ""
        except EXPECTED_ERRORS as error:
            gutters, self._scope_error = {}, str(error)
        if version is self.version:
            self._gutters = gutters
            self._show_file(self.shown_file, keep=True)

    @property
    def file_names(self) -> list[str]:
        return sorted(self.version.files) if self.version else []

    def _show_file(self, name: str, *, keep: bool = False) -> None:
        if self.version is None or name not in self.version.files:
            return
        self.shown_file = name
        gutter = self._gutters.get(name, Gutter())
        wrote = self.version.blame.get(name, ()) if self._show_authors else ()
        lines = CodeLines(name, self.version.files[name], gutter.scope, gutter.changed, wrote)
        self.view.set_source(lines, keep=keep)
        self.tabs.show(self.file_names, self.file_names.index(name))
        self._draw_title()

    def _draw_title(self) -> None:
        assert self.version is not None
        gutter = self._gutters.get(self.shown_file, Gutter())
        notes = ["older version"] if self._is_historical else []
        if gutter.changed or self._since_start:
            since = " since the start" if self._since_start else ""
            notes.append(f"{pluralize(len(gutter.changed), 'line')} changed{since}")
        if self._scope_error:
            notes.append(f"scope: {self._scope_error}")
        self.set_title("  ".join([self.shown_file, f"@{self.version.label}", *notes]))

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        self._show_file(self.file_names[event.index])

    def why_not(self, name: str) -> str:
        match name:
            case "open" | "next_tab" | "prev_tab":
                return "" if len(self.file_names) > 1 else "the artifact has one file"
            case "whole_prompt":
                if self.version is None or not self.version.start:
                    return "the start is still loading"
                return (
                    ""
                    if self.version.start != self.version.files
                    else "this version equals the start"
                )
            case "raw":
                return "" if self.version is not None else "no version yet"
        return super().why_not(name)

    @property
    def acts(self) -> Acts:
        return {
            **super().acts,
            "open": self.act_open,
            "next_tab": self.act_next_tab,
            "prev_tab": self.act_prev_tab,
            "whole_prompt": self.act_whole_prompt,
            "raw": self.act_raw,
            "next": self.act_next,
            "prev": self.act_prev,
        }

    def act_open(self) -> None:
        """Show the next file."""
        self._switch_file(1)

    act_next_tab = act_open

    def act_prev_tab(self) -> None:
        self._switch_file(-1)

    def act_whole_prompt(self) -> None:
        """Switch between changes since the start and changes since the parent."""
        self._since_start = not self._since_start
        self._request_gutters()

    def act_raw(self) -> None:
        """Show or hide which version wrote each line."""
        assert self.version is not None
        self._show_authors = not self._show_authors
        if self._show_authors and not self.version.blame:
            self.post_message(BlameRequested(self.version.commit).set_sender(self))
        self._show_file(self.shown_file, keep=True)

    def _switch_file(self, by: int) -> None:
        names = self.file_names
        if len(names) > 1:
            self._show_file(names[(names.index(self.shown_file) + by) % len(names)])

    def act_next(self) -> None:
        self._jump_to_change(1)

    def act_prev(self) -> None:
        self._jump_to_change(-1)

    def _jump_to_change(self, by: int) -> None:
        cursor = self.view.cursor
        (self.view.act_next if by > 0 else self.view.act_prev)()
        if self.view.cursor == cursor and len(self.file_names) > 1:
            self._switch_file(by)
            (self.view.act_next if by > 0 else self.view.act_bottom)()


def _choose_first_file(version: VersionView) -> str:
    """The first changed file, else the first one."""
    names = sorted(version.files)
    changed = [n for n in names if version.before and version.before.get(n) != version.files[n]]
    return next(iter(changed or names), "")
