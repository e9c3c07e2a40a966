"""How a step ends: the rule or a person decides, what is accepted is committed, everything else is kept."""

from math import inf

from genopt_tui.loop.drift import Drift
from genopt_tui.loop.records import Outcome, figures, record_of, subject_of
from genopt_tui.loop.rules import outcome_of, settled, verdict_line
from genopt_tui.loop.step import Step
from genopt_tui.session.journal import now
from genopt_tui.session.progress import Candidate
from genopt_tui.session.record import Decision, Record
from genopt_tui.session.repository import HeadMoved


class Ending:
    """Ends steps."""

    def __init__(self, step: Step) -> None:
        self.step, self.desk = step, step.desk
        self.drift = Drift()

    async def decide(self) -> None:
        """Let the rule decide, or ask the person."""
        open_ = [c for c in self.desk.book.p.candidates.values() if not settled(c)]
        batch = self.desk.book.p.batch or {}
        if (
            batch.get("head", batch["base"]) != batch["base"]
        ):  # asked of a version that is history: an answer, no proposal
            for candidate in open_:
                told = verdict_line(candidate) if candidate.gate else "not scored"
                self.step.decided(candidate.number, Outcome("not-chosen", "runner", f"what if: {told}"))
            return
        by_person = any((c.decided or {}).get("by") == "person" for c in self.desk.book.p.candidates.values())
        if self.desk.settings.mode != "auto" or by_person:
            self.desk.book.say("decision_wanted", pending="decide", candidates=[c.number for c in open_], since=now())
            return
        for candidate, outcome in self._by_rule(open_):
            self.step.decided(candidate.number, outcome)

    async def finish(self) -> None:
        """Commit what was accepted and keep everything else; the step is over then."""
        chosen = self.step.accepted()
        ended = ""
        if chosen:
            ended = await self._commit(chosen)
        for candidate in self.step.unended():
            outcome = outcome_of(candidate, accepted=chosen is not None)
            if chosen and candidate.number == chosen.number:
                outcome = Outcome("superseded", "runner", "the head moved before it could be committed")
            await self._keep(candidate, outcome)
            ended = ended or outcome.decision
        self._end(ended)

    async def supersede(self, why: str = "the head moved") -> None:
        """End the step: what it has so far is kept, and belongs to the version it was made for."""
        if self.step.moved():
            batch, repository = self.desk.book.p.batch or {}, self.desk.repository
            old, new = batch["base"], repository.head()
            self.desk.book.say("moved", step=0, act="outside", branch=repository.branch(), old=old, new=new)
        candidates = self.step.unended() or ([] if self.desk.book.p.candidates else [Candidate()])
        for candidate in candidates:
            await self._keep(candidate, Outcome("superseded", "runner", why))
        self._end("superseded")

    def _by_rule(self, candidates: list[Candidate]) -> list[tuple[Candidate, Outcome]]:
        """What the gate's rule says of each candidate: the best that counts is taken, the others stay open to `finish`."""
        batch = self.desk.book.p.batch or {}
        choices = self.desk.choices(batch["base"])
        task = self.desk.task(choices).task
        rule = choices.gate.rule
        sound = [c for c in candidates if c.gate and c.gate["complete"]]
        counting = [c for c in sound if rule == "always" or (c.gate or {})["verdict"] == "better"]
        if not counting:
            return [(c, outcome_of(c, accepted=False)) for c in candidates]
        sign = 1 if task.direction == "higher" else -1
        means = [(c.gate or {})["mean"] for c in counting]
        best = counting[max(range(len(means)), key=lambda n: -inf if means[n] is None else sign * means[n])]
        decision: Decision = "always" if rule == "always" else "gate"
        return [(best, Outcome(decision, "gate", verdict_line(best)))]

    async def _commit(self, candidate: Candidate) -> str:
        """Commit an accepted candidate, unless an earlier runner did. Returns the decision, or nothing when the head moved."""
        if candidate.ended:
            return str(candidate.ended["decision"])
        desk, batch = self.desk, self.desk.book.p.batch or {}
        decided = candidate.decided or {}
        outcome = Outcome(decided["decision"], decided["by"], decided["reason"])
        record, subject = await self._record(candidate, outcome), subject_of(candidate, outcome)
        tree = (candidate.edit or {})["tree"]
        try:
            version = self._committed_before(candidate) or desk.repository.commit(
                base=batch["base"],
                tree=tree,
                record=record,
                subject=subject,
                body=record.proposal.reasoning,
                model=record.model,
                ready=desk.book.flush,
            )
        except HeadMoved:
            desk.book.say("paused", step=0, why="the head moved: the proposal is kept as superseded")
            return ""
        desk.book.say(
            "committed",
            candidate=candidate.number,
            version=version,
            tree=tree,
            branch=batch["branch"],
            subject=f"step {desk.book.step}: {subject}",
            **figures(record),
        )
        return outcome.decision

    def _committed_before(self, candidate: Candidate) -> str | None:
        """The head, when it is this candidate's own commit (its runner died before it could say so)."""
        repository, batch = self.desk.repository, self.desk.book.p.batch or {}
        head = repository.head()
        if head == batch["base"]:
            return None
        record = repository.record(head)
        mine = (record.step, record.candidate) == (self.desk.book.step, candidate.number)
        return head if mine and record.base == batch["base"] else None

    async def _keep(self, candidate: Candidate, outcome: Outcome) -> None:
        """Keep a candidate that was not taken as a commit of its own."""
        desk, batch = self.desk, self.desk.book.p.batch or {}
        record, subject = await self._record(candidate, outcome), subject_of(candidate, outcome)
        version, ref = desk.repository.keep(
            base=batch["base"],
            tree=(candidate.edit or {}).get("tree"),
            record=record,
            subject=subject,
            body=record.proposal.reasoning,
            model=record.model,
            step=desk.book.step,
            candidate=candidate.number,
            ready=desk.book.flush,
        )
        desk.book.say(
            "rejected",
            candidate=candidate.number,
            version=version,
            ref=ref,
            subject=f"step {desk.book.step}: {subject}",
            **figures(record),
        )

    async def _record(self, candidate: Candidate, outcome: Outcome) -> Record:
        from genopt_tui.learn.diff import unified

        desk, batch = self.desk, self.desk.book.p.batch or {}
        scorer = await desk.scorer(desk.choices(batch["base"]))
        diff = ""
        if candidate.edit:
            diff = unified(desk.repository.files(batch["base"]), desk.repository.files_of(candidate.edit["tree"]))
        return record_of(desk, candidate, outcome, scorer.fingerprint, diff)

    def _end(self, outcome: str) -> None:
        direction = self.desk.task(self.step.choices()).task.direction
        if found := self.drift.seen(self.desk.book.p, direction):
            told = f"{found.code}: {found.message} {found.advice}"
            self.desk.book.say("notice", candidate=None, text=told, path=None, level=found.level)
        self.desk.book.say("step_ended", outcome=outcome, counts=self._counts())

    def _counts(self) -> bool:
        """Whether the step counts against the budget: under `crash = free` not when all rollouts of batch or gate failed."""
        p, rows = self.desk.book.p, self.step.batch_rows()
        crashed = bool(rows) and all(row.result.status not in {"ok", "infra"} for row in rows)
        gates = [c.gate for c in p.candidates.values() if c.gate]
        crashed = crashed or (bool(gates) and all(g["failed"] == len(g["scores"]) for g in gates))
        return not (crashed and self.step.choices().crash == "free")
