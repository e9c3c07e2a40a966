"""Acts on history: what moves a branch, names a version, takes up an edit again, or looks at
several versions at once."""

from collections.abc import Sequence
from pathlib import Path

from genopt_tui.ui import formatters
from genopt_tui.ui.actions.handlers import ActionHandlers
from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_thread
from genopt_tui.ui.screens import dialogs
from genopt_tui.ui.state.snapshot import HistoryRow

CHOICE_KEYS = "123456789"


class HistoryHandlers(ActionHandlers):
    """u U t b S T o V C H J O m c K B X P."""

    def do_undo(self) -> None:
        self.send_command("undo")

    def do_redo(self) -> None:
        self.send_command("redo")

    def do_rewind(self) -> None:
        row = self.row
        self.confirm_command(
            dialogs.confirm(
                f"Take {self.snapshot.branch} back to {row.label}?",
                self._describe_rewind(row),
                "take it back",
            ),
            "rewind",
            version=row.commit,
        )

    def _describe_rewind(self, row: HistoryRow) -> str:
        """What a rewind does, in numbers."""
        s = self.snapshot
        lost = [r.label for r in _list_versions_between(s.rows, s.head, row.commit)]
        score = (
            f" (gate {formatters.format_score(row.score)} n={row.n})"
            if row.score is not None
            else ""
        )
        named = f"{' '.join(reversed(lost[:8]))}{' ...' if len(lost) > 8 else ''}"
        later = {0: "Later ones stay", 1: f"Version {named} stays"}.get(
            len(lost), f"Versions {named} stay"
        )
        return (
            f"{s.branch} goes from {s.head_label} back to {row.label}{score}.\n"
            f"{later} in the history as abandoned; u undoes this.{self._describe_step_in_flight()}"
        )

    def do_branch(self) -> None:
        row = self.row

        def send(name: str | None) -> None:
            if name:
                self.send_command("branch", name=name, at=row.commit)

        self.screen.app.push_screen(
            dialogs.TextDialog(f"New branch at {row.label}: its name?"), send
        )

    def do_switch(self) -> None:
        """Ask for the branch; the one under the cursor stands first."""
        s, here = self.snapshot, self.row.branches if self.screen.history_pane.row else ()
        names = [name for row in s.rows for name in row.branches if name != s.branch]
        names.sort(key=lambda name: name not in here)
        question = _build_chooser(
            "Go on on which branch?",
            names,
            self._describe_step_in_flight().strip(),
            names[0] if here else "",
        )

        def send(name: str | None) -> None:
            if name:
                self.send_command("switch", name=name)

        self.screen.app.push_screen(question, send)

    def do_tag(self) -> None:
        row = self.row

        def send(name: str | None) -> None:
            if name:
                self.send_command("tag", name=name, version=row.commit)

        self.screen.app.push_screen(dialogs.TextDialog(f"Name for version {row.label}?"), send)

    def do_note(self) -> None:
        row = self.row

        def send(text: str | None) -> None:
            if text is not None:
                self.send_command("note", version=row.commit, text=text)

        keys = "Enter keeps it (empty: no note)  Esc leaves it as it was"
        self.screen.app.push_screen(
            dialogs.TextDialog(f"Note about {row.label}", keys, value=row.note), send
        )

    def do_revive(self) -> None:
        row, s = self.row, self.snapshot
        what = (
            f"{row.label} ({row.decision or row.kind}) is re-applied on {s.head_label}: a new proposal, with a gate and a "
            "decision of its own.\nWhere both changed the same lines, the conflict is put into the files for you to edit."
            f"{self._describe_step_in_flight()}"
        )
        self.confirm_command(
            dialogs.confirm(f"Propose {row.label} again?", what, "propose it"),
            "revive",
            version=row.commit,
        )

    def do_pick(self) -> None:
        from genopt_tui.ui.screens.hunk_picker import HunkPickerScreen

        self.screen.app.push_screen(HunkPickerScreen(self.snapshot, self.screen.store, self.row))

    def do_take_edits(self) -> None:
        """Make a version of what was edited by hand; where a conflict is marked, in the editor
        first."""
        outside = self.snapshot.external_changes
        if outside.conflicted:
            self._open_conflicted(outside.conflicted)
            return
        files = ", ".join(outside.edited)
        choices = (
            dialogs.Choice("y", "gate", "score it on the gate, then commit it"),
            dialogs.Choice("u", "unmeasured", "commit it without a score"),
            dialogs.Choice("n", "", "leave it as it is"),
        )

        def answer(value: str | None) -> None:
            if value:
                self.send_command("accept-edits", unmeasured=value == "unmeasured")

        question = dialogs.ChoiceDialog(
            "Make a version of your edit?",
            choices,
            intro=f"Edited: {files}.{self._describe_step_in_flight()}",
        )
        self.screen.app.push_screen(question, answer)

    def _open_conflicted(self, names: Sequence[str]) -> None:
        """Open files with marks of a conflict where they lie."""
        from genopt_tui.ui.platform.external_editor import edit_paths

        folder = Path(self.snapshot.session.path) / "artifact"
        edit_paths(self.screen.app, [folder / name for name in names])
        self.screen.show_notice("H takes it as a version once no marks are left")

    def do_rescore(self) -> None:
        """Score start, best and head under the task as it is now."""
        s = self.snapshot
        start = next((row.commit for row in reversed(s.rows) if row.decision == "start"), s.head)
        versions = list(dict.fromkeys((start, s.best, s.head)))
        what = f"At most {len(versions) * s.session.gate_size} rollouts on the gate's examples; what is known is not run again."

        def answer(value: str | None) -> None:
            from genopt_tui.ui.screens.matrix import MatrixScreen

            if value:
                self.screen.app.push_screen(MatrixScreen(s, self.screen.store, versions))

        self.screen.app.push_screen(
            dialogs.confirm("Score start, best and head again?", what, "score them"), answer
        )

    def do_export(self) -> None:
        """Ask what the version becomes and where, then have the command do it."""
        from genopt_tui.ui.screens import export

        s, row = self.snapshot, self.row

        def begin(form: str, name: str | None) -> None:
            if name:
                self.screen.app.push_screen(
                    export.ExportScreen(Path(s.session.path), row, form, name)
                )

        def named(form: str | None) -> None:
            if form:
                self.screen.app.push_screen(
                    export.ask_name(row, form), lambda name: begin(form, name)
                )

        self.screen.app.push_screen(export.ask_form(s, row), named)

    def _describe_step_in_flight(self) -> str:
        """What becomes of the step in flight."""
        s = self.snapshot
        return f"\nThe step in flight ({s.progress.step}) ends as superseded." if s.live else ""

    def do_mark(self) -> None:
        row, off = self.row, self.row.commit == self.screen.mark
        self.screen.set_mark("" if off else row.commit)
        self.screen.show_notice(
            "No version is marked"
            if off
            else f"{row.label} is marked: c on another version compares with it"
        )

    def do_compare(self) -> None:
        from genopt_tui.ui.screens.compare import CompareScreen

        s = self.snapshot
        a = self.screen.mark or (self.row.parents[0] if self.row.parents else s.rows[-1].commit)
        self.screen.app.push_screen(CompareScreen(s, self.screen.store, a, self.row.commit))

    def do_compare_other(self) -> None:
        """Ask for a session of the same task, then for a version of it."""
        row = self.row
        self.screen.run_worker(
            self._choose_other_session(row), group="compare_other", exclusive=True
        )

    async def _choose_other_session(self, row: HistoryRow) -> None:
        s = self.snapshot.session
        try:
            others = await run_in_thread(lambda: _list_other_sessions(Path(s.path), s.task))
        except EXPECTED_ERRORS as error:
            self.screen.show_notice(str(error), "error")
            return
        if not others:
            self.screen.show_notice(f"There is no other session of {s.task}: genopt new makes one")
            return

        def ask(name: str | None) -> None:
            if name in others:
                self._ask_version(row, others[name], "best")
            elif name:
                self.screen.show_notice(f"No other session of {s.task} is called {name}", "warning")

        self.screen.app.push_screen(
            _build_chooser(f"Compare {row.label} with which session?", list(others)), ask
        )

    def _ask_version(self, row: HistoryRow, there: Path, value: str) -> None:
        def find(text: str | None) -> None:
            if text:
                self.screen.run_worker(
                    self._compare_with(row, there, text), group="compare_other", exclusive=True
                )

        title = f"Compare {row.label} with which version of {there.name}?"
        keys = "best, head, start, a step, a branch  Enter compares  Esc stays"
        self.screen.app.push_screen(dialogs.TextDialog(title, keys, value=value), find)

    async def _compare_with(self, row: HistoryRow, there: Path, text: str) -> None:
        """Open the comparison; what cannot be found is said, and asked again."""
        from genopt_tui.ui.screens.compare import CompareScreen
        from genopt_tui.ui.screens.compare_reader import resolve_side

        here = Path(self.snapshot.session.path)
        try:
            side = await run_in_thread(lambda: resolve_side(here, there, text))
        except EXPECTED_ERRORS as error:
            self.screen.show_notice(str(error), "error")
            self._ask_version(row, there, text)
            return
        self.screen.app.push_screen(
            CompareScreen(self.snapshot, self.screen.store, row.commit, side)
        )

    def do_best(self) -> None:
        self.screen.go_to_pane(1)
        self.screen.history_pane.go_to_version(self.snapshot.best)

    def do_plot(self) -> None:
        from genopt_tui.ui.screens.plot import PlotScreen

        self.screen.app.push_screen(PlotScreen(self.snapshot))

    def do_matrix(self) -> None:
        from genopt_tui.ui.screens.matrix import MatrixScreen

        self.screen.app.push_screen(MatrixScreen(self.snapshot, self.screen.store))


def _build_chooser(
    title: str, names: Sequence[str], above: str = "", value: str = ""
) -> dialogs.Dialog[str]:
    """A chooser of names; where there are more than digits, the name is typed, and `value` is there
    at first."""
    if len(names) <= len(CHOICE_KEYS):
        choices = [
            dialogs.Choice(digit, name, name)
            for digit, name in zip(CHOICE_KEYS, names, strict=False)
        ]
        return dialogs.ChoiceDialog(title, choices, intro=above)
    keys = f"{len(names)} others: {', '.join(names[:6])} ...  Enter takes it  Esc stays"
    return dialogs.TextDialog(title, keys, value=value)


def _list_other_sessions(here: Path, task: str) -> dict[str, Path]:
    """The other sessions of a task by what a person calls them, the one worked on last first."""
    from genopt_tui.session import places

    here = here.resolve()
    return {
        places.quote_session(s.path): s.path
        for s in places.list_sessions()
        if s.task == task and s.path.resolve() != here
    }


def _list_versions_between(rows: Sequence[HistoryRow], head: str, back_to: str) -> list[HistoryRow]:
    """The versions from head down to just above `back_to`, newest first; empty where it is no
    ancestor."""
    by_commit = {row.commit: row for row in rows}
    found = []
    at = by_commit.get(head)
    while at is not None and at.commit != back_to:
        found.append(at)
        at = by_commit.get(at.parents[0]) if at.parents else None
    return found if at is not None else []
