"""Commands that ask for scores beside the steps: they are found between phases."""

import asyncio

from genopt_tui.errors import GenoptError, SessionError
from genopt_tui.loop.asides import Asides
from genopt_tui.loop.machine import Phase
from genopt_tui.loop.orders import Data, Orders, Running


class Measuring(Orders):
    """evaluate, fill, trace, hunks, drop."""

    def __init__(self, runner: Running, errands: list[Phase]) -> None:
        super().__init__(runner, errands)
        self.asides = Asides(self.desk)
        self._waiting: dict[str, Phase] = {}
        self._under_way = ""

    async def do_evaluate(self, data: Data) -> str:
        commit = self.desk.repository.resolve(str(data.get("version") or "head"))
        self.errands.append(lambda: self.beginning.score(commit))
        return ""

    async def do_fill(self, data: Data) -> str:
        """Score versions on the gate where that is missing; `token` names the `aside_finished` that tells the end."""
        versions, token = [str(v) for v in data["versions"]], str(data["token"])
        for version in versions:
            self.desk.repository.objects.commit(version)
        self._aside(token, lambda: self.asides.fill(versions, data.get("examples"), token))
        return ""

    async def do_trace(self, data: Data) -> str:
        """Run one example of a split again, with its trace, for versions that have none."""
        versions, token = [self.desk.repository.resolve(str(v)) for v in data["versions"]], str(data["token"])
        example, repeat, split = str(data["example"]), int(data.get("repeat") or 0), data["split"]
        self._aside(token, lambda: self.asides.trace(versions, split, example, repeat, token))
        return ""

    async def do_hunks(self, data: Data) -> str:
        """Score a version (else the proposal `step`, `candidate` that waits) with each of its hunks left out once."""
        token = str(data["token"])
        if data.get("version") is None:
            step, number = int(data["step"]), int(data.get("candidate") or 0)
            self._aside(token, lambda: self.asides.pending_hunks(step, number, token))
        else:
            commit = self.desk.repository.resolve(str(data["version"]))
            self._aside(token, lambda: self.asides.hunks(commit, token))
        return ""

    async def do_drop(self, data: Data) -> str:
        """End the work that `token` names; its finished rollouts are kept."""
        token = str(data["token"])
        if token == self._under_way:
            await self.runner.interrupt()
        elif token in self._waiting:
            self.errands.remove(self._waiting.pop(token))
            self.asides.failed(token, "it was dropped before it began")
        else:
            raise SessionError("nothing to drop", "that work is over")
        return "finished rollouts are kept"

    def _aside(self, token: str, work: Phase) -> None:
        """Do this between phases; what goes wrong in it ends no run."""

        async def phase() -> None:
            self._waiting.pop(token, None)
            self._under_way = token
            try:
                await work()
            except GenoptError as error:
                self.asides.failed(token, str(error))
            except asyncio.CancelledError:  # an act ended what was under way: who waits for this hears of it
                self.asides.failed(token, "it was ended before it was done: ask again")
                raise
            finally:
                self._under_way = ""

        self._waiting[token] = phase
        self.errands.append(phase)
