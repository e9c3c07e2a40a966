"""Commands that steer a run: begin, pause, end it, and change choices, settings and what the model
hears."""

from genopt_tui.config import ALIASES, DesignChoices, SessionSettings, assign, list_setting_keys
from genopt_tui.errors import UsageError
from genopt_tui.runner.commands.handlers import CommandData, CommandHandlers
from genopt_tui.runner.context import assign_choices
from genopt_tui.session.git.refs import ACTS
from genopt_tui.session.progress import read_pending_input


class RunHandlers(CommandHandlers):
    """run, pause, resume, stop, mode, set, hint, examples."""

    async def do_run(self, data: CommandData) -> str:
        if not self.context.settings.model:
            raise UsageError(
                "no model is set",
                advice="genopt set model=NAME, command:PROGRAM, manual, search or replay:FILE",
            )
        if data.get("record"):
            self.context.settings.record = str(data["record"])
        if data.get("mode"):
            await self.do_mode(data)
        self.context.get_proposer()
        if self.context.event_log.p.paused:
            await self.do_resume(data)
            if self.runner.active and data.get("steps") is None:
                return "resumed"
        self.runner.start_run(dict(data))
        return ""

    async def do_pause(self, data: CommandData) -> str:
        if self.context.event_log.p.paused:
            return "paused already"
        self.context.event_log.append(
            "paused", step=0, why=str(data.get("why") or "paused by a person")
        )
        self.runner.suspend()
        return "after the model call under way" if self.context.calls_in_flight else ""

    async def do_resume(self, data: CommandData) -> str:
        self.runner.resume()
        if self.context.event_log.p.paused:
            self.context.event_log.append("resumed", step=0, why="")
        return ""

    async def do_stop(self, data: CommandData) -> str:
        self.runner.stop("stopped")
        return ""

    async def do_mode(self, data: CommandData) -> str:
        self._assign_settings([f"mode={data['mode']}"])
        return ""

    async def do_set(self, data: CommandData) -> str:
        """Settings count from the next phase on; design choices are collected for the next step."""
        pairs = list(data["pairs"])
        head = self.context.load_choices(self.context.repository.head())
        design = [pair for pair in pairs if self._is_design(pair, head)]
        self._assign_settings([pair for pair in pairs if pair not in design])
        if not design:
            return ""
        new = assign_choices(head, design, self.context)
        if new.start != head.start:
            raise UsageError(
                "another start is another beginning", advice="Use `genopt new TASK --start NAME`"
            )
        self.context.load_task(new).task.resolve_settings(new.task)
        self.context.event_log.append(
            "design_set", step=0, pairs=design, acts=self.context.repository.refs.read(ACTS)
        )
        return "counts from the next step on"

    async def do_hint(self, data: CommandData) -> str:
        text = str(data.get("text", "")).strip()
        if not text:
            raise UsageError("the hint is empty")
        standing = read_pending_input(
            self.context.event_log.journal, self.context.event_log.step
        ).standing
        if data.get("remove") and text not in standing:
            raise UsageError("no such hint stands", f"these do: {'; '.join(standing) or 'none'}")
        self.context.event_log.append(
            "hint",
            step=0,
            text=text,
            always=bool(data.get("always")),
            remove=bool(data.get("remove")),
        )
        return await self.machine.step.refresh_preview()

    async def do_examples(self, data: CommandData) -> str:
        """Examples excluded for good (with a reason), or pinned."""
        if "pinned" in data:
            self.context.event_log.append("examples_set", step=0, pinned=data["pinned"])
        if pairs := [
            f"exclude.{example}={reason or ''}"
            for example, reason in data.get("excluded", {}).items()
        ]:
            await self.do_set({"pairs": pairs})
            return await self.machine.step.refresh_preview()
        return ""

    def _assign_settings(self, pairs: list[str]) -> None:
        """Change session settings and keep them; the running ones too."""
        if not pairs:
            return
        settings = self.context.settings.model_copy(deep=True)
        assign(DesignChoices(), settings, pairs)
        settings.save(self.context.session)
        for name in SessionSettings.model_fields:
            setattr(self.context.settings, name, getattr(settings, name))

    def _is_design(self, pair: str, head: DesignChoices) -> bool:
        """Whether KEY=VALUE is a design choice: it then leaves the session settings as they are."""
        settings = self.context.settings.model_copy(deep=True)
        assign(
            head.model_copy(deep=True), settings, [pair], self.context.load_task(head).task.settings
        )
        key = pair.partition("=")[0].strip()
        return ALIASES.get(key, key) not in list_setting_keys(
            SessionSettings
        ) and not key.startswith("params.")
