"""The walk of one step. What comes next is a function of git and the journal alone; each phase ends in a durable event."""

import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable

from genopt_tui.errors import EvaluationError
from genopt_tui.loop.beginning import Beginning
from genopt_tui.loop.candidate import CandidateWalk
from genopt_tui.loop.desk import Desk
from genopt_tui.loop.ending import Ending
from genopt_tui.loop.estimate import foretell
from genopt_tui.loop.scoring import Wish
from genopt_tui.loop.step import Step
from genopt_tui.session.journal import now

Phase = Callable[[], Awaitable[None]]


class Machine:
    """Knows the next phase of the session; what a phase does is the business of its parts."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.step = desk, Step(desk)
        self.beginning, self.ending = Beginning(self.step), Ending(self.step)

    def next(self, *, active: bool, paused: bool) -> Phase | None:
        """The phase to do now; None when there is nothing to do (a person is waited for, or no run is wanted).

        What a person has decided is carried out also when the run is over or paused.
        """
        p = self.desk.book.p
        if not p.batch or p.ended:
            self.notice()
            return self.beginning.begin if active and not paused else None
        if self.step.accepted() is None and self.step.moved():
            return self.ending.supersede
        if self.step.to_measure():
            return self.candidates
        if self.step.all_decided():
            return self.ending.finish
        wished = p.batch.get("hand") or p.batch.get("whatif")
        if not (active or wished or p.asked) or paused or p.pending:
            return None
        if self.step.missing():
            return self.roll_out
        if not p.evidence and not p.batch.get("hand"):
            return self.gather
        if not p.proposed and not wished and self.desk.settings.mode == "step":
            return self.want_sending
        if self.step.open_candidates():
            return self.candidates
        return self.ending.decide

    def notice(self) -> None:
        """Between steps: take note of what plain git did to the head, and say so."""
        repository = self.desk.repository
        if act := repository.recover():
            ref = repository.refs.head()
            old = act.refs.get(ref, (repository.head(), ""))[0]
            self.desk.book.say(
                "moved", step=0, act="outside", branch=repository.branch(), old=old, new=repository.head()
            )

    async def roll_out(self) -> None:
        """Roll out what the batch lacks, while the proposer loads what is slow to load."""
        desk, batch = self.desk, self.desk.book.p.batch or {}
        choices = desk.choices(batch["base"])
        scorer = await desk.scorer(choices)
        wish = Wish(desk.version(batch["base"]), "train", self.step.missing(), traced=True, step=desk.book.step)
        warm = asyncio.gather(self.step.proposer().warm(), loaded("git"))
        try:
            rows = await scorer.roll(wish)
        finally:
            await asyncio.wait([warm])
        warm.result()
        if all(row.result.status == "infra" for row in rows):
            raise EvaluationError("no rollout could be run", rows[0].result.error, "See `genopt doctor`")

    async def gather(self) -> None:
        """Build the evidence of the batch. The first time in a run, say what the run will take."""
        batch, journal = self.desk.book.p.batch or {}, self.desk.book.journal
        run, last = journal.last("run_started"), journal.last("evidence_built")
        prompt = await self.step.build_evidence(tuple(batch.get("dropped", ())), tuple(batch.get("pinned", ())))
        if run and not (last and last.id > run.id):
            await foretell(self.step, prompt.tokens)

    async def want_sending(self) -> None:
        """Show the prompt as it would be sent, and wait for a person."""
        known = self.desk.book.p.evidence or {}
        await self.step.preview(known.get("dropped", ()), known.get("pinned", ()))
        self.desk.book.say("decision_wanted", pending="propose", candidates=[], since=now())

    async def candidates(self) -> None:
        """Ask for, read and score the candidates, side by side. One that fails lets the others come to rest first."""
        walk = CandidateWalk(self.step)
        numbers = self.step.to_measure() or self.step.open_candidates()
        walks, needed_at_the_gate = [walk.walk(k) for k in numbers], loaded("numpy")
        results = await asyncio.gather(*walks, needed_at_the_gate, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result


async def loaded(library: str) -> None:
    """Load a library that takes long to load beside what goes on, unless it is there."""
    if library not in sys.modules:
        await asyncio.to_thread(importlib.import_module, library)
