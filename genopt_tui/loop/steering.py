"""Commands that steer a run: begin, pause, end it, and change choices, settings and what the model hears."""

from genopt_tui.config import ALIASES, DesignChoices, SessionSettings, assign, keys_of
from genopt_tui.errors import UsageError
from genopt_tui.loop.changes import changed
from genopt_tui.loop.orders import Data, Orders
from genopt_tui.session.person import said
from genopt_tui.session.refs import ACTS


class Steering(Orders):
    """run, pause, resume, stop, mode, set, hint, examples."""

    async def do_run(self, data: Data) -> str:
        if not self.desk.settings.model:
            raise UsageError(
                "no model is set", advice="genopt set model=NAME, command:PROGRAM, manual, search or replay:FILE"
            )
        if data.get("record"):
            self.desk.settings.record = str(data["record"])
        if data.get("mode"):
            await self.do_mode(data)
        self.desk.proposer()
        if self.desk.book.p.paused:
            await self.do_resume(data)
            if self.runner.active and data.get("steps") is None:
                return "resumed"
        self.runner.start_run(dict(data))
        return ""

    async def do_pause(self, data: Data) -> str:
        if self.desk.book.p.paused:
            return "paused already"
        self.desk.book.say("paused", step=0, why=str(data.get("why") or "paused by a person"))
        self.runner.hold()
        return "after the model call under way" if self.desk.asking else ""

    async def do_resume(self, data: Data) -> str:
        self.runner.go_on()
        if self.desk.book.p.paused:
            self.desk.book.say("resumed", step=0, why="")
        return ""

    async def do_stop(self, data: Data) -> str:
        self.runner.stop("stopped")
        return ""

    async def do_mode(self, data: Data) -> str:
        self._assign([f"mode={data['mode']}"])
        return ""

    async def do_set(self, data: Data) -> str:
        """Settings count from the next phase on; design choices are collected for the next step."""
        pairs = list(data["pairs"])
        head = self.desk.choices(self.desk.repository.head())
        design = [pair for pair in pairs if self._is_design(pair, head)]
        self._assign([pair for pair in pairs if pair not in design])
        if not design:
            return ""
        new = changed(head, design, self.desk)
        if new.start != head.start:
            raise UsageError("another start is another beginning", advice="Use `genopt new TASK --start NAME`")
        self.desk.task(new).task.resolve(new.task)
        self.desk.book.say("design_set", step=0, pairs=design, acts=self.desk.repository.refs.value(ACTS))
        return "counts from the next step on"

    async def do_hint(self, data: Data) -> str:
        text = str(data.get("text", "")).strip()
        if not text:
            raise UsageError("the hint is empty")
        standing = said(self.desk.book.journal, self.desk.book.step).standing
        if data.get("remove") and text not in standing:
            raise UsageError("no such hint stands", f"these do: {'; '.join(standing) or 'none'}")
        self.desk.book.say("hint", step=0, text=text, always=bool(data.get("always")), remove=bool(data.get("remove")))
        return await self.machine.step.heard()

    async def do_examples(self, data: Data) -> str:
        """Examples excluded for good (with a reason), or pinned."""
        if "pinned" in data:
            self.desk.book.say("examples_set", step=0, pinned=data["pinned"])
        if pairs := [f"exclude.{example}={reason or ''}" for example, reason in data.get("excluded", {}).items()]:
            await self.do_set({"pairs": pairs})
            return await self.machine.step.heard()
        return ""

    def _assign(self, pairs: list[str]) -> None:
        """Change session settings and keep them; the running ones too."""
        if not pairs:
            return
        settings = self.desk.settings.model_copy(deep=True)
        assign(DesignChoices(), settings, pairs)
        settings.save(self.desk.session)
        for name in SessionSettings.model_fields:
            setattr(self.desk.settings, name, getattr(settings, name))

    def _is_design(self, pair: str, head: DesignChoices) -> bool:
        """Whether KEY=VALUE is a design choice: it then leaves the session settings as they are."""
        settings = self.desk.settings.model_copy(deep=True)
        assign(head.model_copy(deep=True), settings, [pair], self.desk.task(head).task.settings)
        key = pair.partition("=")[0].strip()
        return ALIASES.get(key, key) not in keys_of(SessionSettings) and not key.startswith("params.")
