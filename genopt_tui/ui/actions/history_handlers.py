"""Handlers of actions on versions: move a branch, name, compare, export, propose again."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from genopt_tui.session import commands
from genopt_tui.ui import formatters
from genopt_tui.ui.actions.host import ActionHost, confirm, require_row
from genopt_tui.ui.background import EXPECTED_ERRORS, run_in_thread
from genopt_tui.ui.screens import dialogs
from genopt_tui.ui.state.snapshot import HistoryRow, Snapshot

CHOICE_KEYS = "123456789"


@dataclass(frozen=True, slots=True)
class HistoryHandlers:
    """u U t b S T o V C H J O m c K B X P."""

    host: ActionHost

    @property
    def snapshot(self) -> Snapshot:
        return self.host.snapshot

    @property
    def row(self) -> HistoryRow:
        return require_row(self.host)

    def undo(self) -> None:
        self.host.store.send_command(commands.Undo())

    def redo(self) -> None:
        self.host.store.send_command(commands.Redo())

    def rewind(self) -> None:
        row = self.row
        question = dialogs.confirm(
            f"Take {self.snapshot.branch} back to {row.label}?",
            self._describe_rewind(row),
            "take it back",
        )
        send = partial(self.host.store.send_command, commands.Rewind(version=row.commit))
        confirm(self.host, question, send)

    def _describe_rewind(self, row: HistoryRow) -> str:
        """The consequences of a rewind, with scores and versions."""
        s = self.snapshot
        labels = [r.label for r in _list_versions_between(s.rows, s.head, row.commit)]
        score = (
            f" (gate {formatters.format_score(row.score)} n={row.n})"
            if row.score is not None
            else ""
        )
        listed = f"{' '.join(reversed(labels[:8]))}{' ...' if len(labels) > 8 else ''}"
        later = {0: "Later ones stay", 1: f"Version {listed} stays"}.get(
            len(labels), f"Versions {listed} stay"
        )
        return (
            f"{s.branch} goes from {s.head_label} back to {row.label}{score}.\n"
            f"{later} in the history as abandoned; u undoes this.{self._describe_step_in_flight()}"
        )

    def branch(self) -> None:
        row = self.row

        def send(name: str | None) -> None:
            if name:
                self.host.store.send_command(commands.Branch(name=name, at=row.commit))

        self.host.app.push_screen(dialogs.TextDialog(f"New branch at {row.label}: its name?"), send)

    def switch(self) -> None:
        """Ask for the branch; the one under the cursor stands first."""
        s, row = self.snapshot, self.host.context().row
        row_branches = row.branches if row else ()
        names = [name for row in s.rows for name in row.branches if name != s.branch]
        names.sort(key=lambda name: name not in row_branches)
        question = _build_chooser(
            "Continue on which branch?",
            names,
            self._describe_step_in_flight().strip(),
            names[0] if row_branches else "",
        )

        def send(name: str | None) -> None:
            if name:
                self.host.store.send_command(commands.Switch(name=name))

        self.host.app.push_screen(question, send)

    def tag(self) -> None:
        row = self.row

        def send(name: str | None) -> None:
            if name:
                self.host.store.send_command(commands.Tag(name=name, version=row.commit))

        self.host.app.push_screen(dialogs.TextDialog(f"Name for version {row.label}?"), send)

    def note(self) -> None:
        row = self.row

        def send(text: str | None) -> None:
            if text is not None:
                self.host.store.send_command(commands.Note(version=row.commit, text=text))

        keys = "Enter save (empty: no note)  Esc cancel"
        self.host.app.push_screen(
            dialogs.TextDialog(f"Note about {row.label}", keys, value=row.note), send
        )

    def revive(self) -> None:
        row, s = self.row, self.snapshot
        consequences = (
            f"The edit of {row.label} ({row.decision or row.kind}) becomes a new proposal on "
            f"{s.head_label}, with a gate and a decision of its own.\nWhere both changed the same "
            "lines, the files get conflict markers for you to edit."
            f"{self._describe_step_in_flight()}"
        )
        question = dialogs.confirm(f"Propose {row.label} again?", consequences, "propose it")
        send = partial(self.host.store.send_command, commands.Revive(version=row.commit))
        confirm(self.host, question, send)

    def pick(self) -> None:
        from genopt_tui.ui.screens.hunk_picker import HunkPickerScreen

        self.host.app.push_screen(HunkPickerScreen(self.snapshot, self.host.store, self.row))

    def take_edits(self) -> None:
        """Make a version of the files edited by hand. Files with conflict markers are opened in the
        editor first."""
        changes = self.snapshot.external_changes
        if changes.conflicted:
            self._open_conflicted(changes.conflicted)
            return
        files = ", ".join(changes.edited)
        choices = (
            dialogs.Choice("y", "gate", "score it on the gate, then commit it"),
            dialogs.Choice("u", "unmeasured", "commit it without a score"),
            dialogs.Choice("n", "", "leave it as it is"),
        )

        def answer(value: str | None) -> None:
            if value:
                unmeasured = value == "unmeasured"
                self.host.store.send_command(commands.AcceptEdits(unmeasured=unmeasured))

        question = dialogs.ChoiceDialog(
            "Make a version of your edit?",
            choices,
            intro=f"Edited: {files}.{self._describe_step_in_flight()}",
        )
        self.host.app.push_screen(question, answer)

    def _open_conflicted(self, names: Sequence[str]) -> None:
        """Open files with conflict markers in the artifact's folder."""
        from genopt_tui.ui.platform.external_editor import edit_paths

        folder = Path(self.snapshot.session.path) / "artifact"
        edit_paths(self.host.app, [folder / name for name in names])
        self.host.show_notice("H makes a version of it once no conflict markers are left")

    def rescore(self) -> None:
        """Score start, best and head under the current task."""
        s = self.snapshot
        start = next((row.commit for row in reversed(s.rows) if row.decision == "start"), s.head)
        versions = list(dict.fromkeys((start, s.best, s.head)))
        size = len(versions) * s.session.gate_size
        price = f"At most {size} rollouts on the gate's examples; recorded ones are not run again."

        def answer(value: str | None) -> None:
            from genopt_tui.ui.screens.matrix import MatrixScreen

            if value:
                self.host.app.push_screen(MatrixScreen(s, self.host.store, versions))

        self.host.app.push_screen(
            dialogs.confirm("Score start, best and head again?", price, "score them"), answer
        )

    def export(self) -> None:
        """Ask for the form and the place of the export, then run it."""
        from genopt_tui.ui.screens import export

        s, row = self.snapshot, self.row

        def begin(form: str, name: str | None) -> None:
            if name:
                self.host.app.push_screen(
                    export.ExportScreen(Path(s.session.path), row, form, name)
                )

        def ask_name(form: str | None) -> None:
            if form:
                self.host.app.push_screen(
                    export.ask_name(row, form), lambda name: begin(form, name)
                )

        self.host.app.push_screen(export.ask_form(s, row), ask_name)

    def _describe_step_in_flight(self) -> str:
        """What happens to a step in flight."""
        s = self.snapshot
        return f"\nThe step in flight ({s.progress.step}) ends as superseded." if s.live else ""

    def mark(self) -> None:
        row, marked = self.row, self.row.commit == self.host.mark
        self.host.set_mark("" if marked else row.commit)
        self.host.show_notice(
            "No version is marked"
            if marked
            else f"{row.label} is marked: c on another version compares with it"
        )

    def compare(self) -> None:
        from genopt_tui.ui.screens.compare import CompareScreen

        s = self.snapshot
        base = self.host.mark or (self.row.parents[0] if self.row.parents else s.rows[-1].commit)
        self.host.app.push_screen(CompareScreen(s, self.host.store, base, self.row.commit))

    def compare_other(self) -> None:
        """Ask for a session of the same task, then for a version of it."""
        row = self.row
        self.host.run_worker(self._choose_other_session(row), group="compare_other", exclusive=True)

    async def _choose_other_session(self, row: HistoryRow) -> None:
        s = self.snapshot.session
        try:
            others = await run_in_thread(lambda: _list_other_sessions(Path(s.path), s.task))
        except EXPECTED_ERRORS as error:
            self.host.show_notice(str(error), "error")
            return
        if not others:
            self.host.show_notice(f"There is no other session of {s.task}: genopt new makes one")
            return

        def ask(name: str | None) -> None:
            if name in others:
                self._ask_version(row, others[name], "best")
            elif name:
                self.host.show_notice(f"No other session of {s.task} is called {name}", "warning")

        self.host.app.push_screen(
            _build_chooser(f"Compare {row.label} with which session?", list(others)), ask
        )

    def _ask_version(self, row: HistoryRow, other: Path, value: str) -> None:
        def find(text: str | None) -> None:
            if text:
                self.host.run_worker(
                    self._compare_with(row, other, text), group="compare_other", exclusive=True
                )

        title = f"Compare {row.label} with which version of {other.name}?"
        keys = "best, head, start, a step, a branch  Enter compare  Esc cancel"
        self.host.app.push_screen(dialogs.TextDialog(title, keys, value=value), find)

    async def _compare_with(self, row: HistoryRow, other: Path, text: str) -> None:
        """Open the comparison. Where no version is called `text`, say so and ask again."""
        from genopt_tui.ui.screens.compare import CompareScreen
        from genopt_tui.ui.screens.compare_reader import resolve_side

        here = Path(self.snapshot.session.path)
        try:
            side = await run_in_thread(lambda: resolve_side(here, other, text))
        except EXPECTED_ERRORS as error:
            self.host.show_notice(str(error), "error")
            self._ask_version(row, other, text)
            return
        self.host.app.push_screen(CompareScreen(self.snapshot, self.host.store, row.commit, side))

    def best(self) -> None:
        self.host.go_to_pane(1)
        self.host.go_to_version(self.snapshot.best)

    def plot(self) -> None:
        from genopt_tui.ui.screens.plot import PlotScreen

        self.host.app.push_screen(PlotScreen(self.snapshot))

    def matrix(self) -> None:
        from genopt_tui.ui.screens.matrix import MatrixScreen

        self.host.app.push_screen(MatrixScreen(self.snapshot, self.host.store))


def _build_chooser(
    title: str, names: Sequence[str], above: str = "", value: str = ""
) -> dialogs.Dialog[str]:
    """A chooser of names. Where the digits do not suffice, the name is typed; `value` is the default."""
    if len(names) <= len(CHOICE_KEYS):
        choices = [
            dialogs.Choice(digit, name, name)
            for digit, name in zip(CHOICE_KEYS, names, strict=False)
        ]
        return dialogs.ChoiceDialog(title, choices, intro=above)
    keys = f"{len(names)} others: {', '.join(names[:6])} ...  Enter confirm  Esc cancel"
    return dialogs.TextDialog(title, keys, value=value)


def _list_other_sessions(here: Path, task: str) -> dict[str, Path]:
    """The other sessions of a task by name, the last used one first."""
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
    between = []
    row = by_commit.get(head)
    while row is not None and row.commit != back_to:
        between.append(row)
        row = by_commit.get(row.parents[0]) if row.parents else None
    return between if row is not None else []
