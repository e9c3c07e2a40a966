"""Running, pausing, steering: what concerns the loop as a whole."""

from typing import cast

from genopt_tui.session.progress import PAUSED, RUNNING, WAITING
from genopt_tui.ui.deeds.base import Deeds
from genopt_tui.ui.panes.evidence import EvidencePane
from genopt_tui.ui.screens import dialogs


class LoopDeeds(Deeds):
    """p s M i, and what becomes of a run when the application is left."""

    def do_run(self) -> None:
        state, mode = self.snapshot.state, self.snapshot.session.mode
        if self.snapshot.alive and state in {RUNNING, WAITING}:
            self.command("pause")
        elif self.snapshot.alive and state == PAUSED:
            self.command("resume")
        else:
            self.command("run", mode=mode)

    def do_step(self) -> None:
        if self.snapshot.pending == "propose":
            choices = cast(EvidencePane, self.screen.pane(4)).choices()
            self.command("propose", step=self.snapshot.progress.step, **choices)
        else:
            self.command("run", steps=1, mode=self.snapshot.session.mode)

    def do_hint(self) -> None:
        def send(hint: dialogs.Hint | None) -> None:
            if hint is not None:
                self.command("hint", text=hint.text, always=hint.always)
                when = "in every update" if hint.always else "in the next update"
                self.screen.say(f"The model is told {when}")

        self.screen.app.push_screen(dialogs.AskHint(), send)

    def do_mode(self) -> None:
        def send(mode: str | None) -> None:
            if mode and mode != self.snapshot.session.mode:
                self.command("mode", mode=mode)

        self.screen.app.push_screen(dialogs.choose_mode(self.snapshot.session.mode), send)

    def do_leave(self) -> None:
        """Ask what becomes of a live run; without one, go."""
        if not self.snapshot.alive:
            self.screen.app.exit(0)
            return
        paused = self.snapshot.state == PAUSED
        question = dialogs.ask_leave(self.snapshot.session.mode, self._waits(), paused=paused)
        self.screen.app.push_screen(question, self._left)

    def _waits(self) -> str:
        """What waits for a person: also mode auto leaves it to them."""
        what = {"decide": "proposal", "propose": "the prompt of step"}.get(self.snapshot.pending)
        return f"{what} {self.snapshot.progress.step}" if what else ""

    def _left(self, answer: str | None) -> None:
        if answer is None:
            return
        store, name, state = self.screen.store, self.snapshot.session.name, self.snapshot.state
        if answer == "auto":
            store.command("mode", mode="auto").wait(0.3)
        if answer == "pause" and state in {RUNNING, WAITING}:
            store.command("pause").wait(0.3)
        elif answer != "pause" and state == PAUSED:
            store.command("resume").wait(0.3)
        waits = self._waits()
        keep = f"waits for you: {waits}" if waits else "goes on"
        auto = f"waits for you: {waits}, then the gate decides" if waits else "goes on, the gate decides"
        said = {"pause": "paused", "keep": keep, "auto": auto}[answer]
        self.screen.genopt.farewell = f"{name} {said}. genopt open {name}"
        self.screen.app.exit(0)
