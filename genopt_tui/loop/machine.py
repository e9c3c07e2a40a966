"""The walk of one step. What comes next is a function of git and the journal alone; each phase ends in a durable event."""

import asyncio
import importlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genopt_tui.config import DesignChoices, SessionSettings, assign, to_toml
from genopt_tui.errors import EvaluationError, UsageError
from genopt_tui.learn.edit import Edit
from genopt_tui.learn.evidence import Evidence, PersonChoices
from genopt_tui.learn.prompt import Prompt
from genopt_tui.learn.sample import sample_batch
from genopt_tui.loop.candidate import CandidateWalk
from genopt_tui.loop.choosing import chosen
from genopt_tui.loop.desk import Desk
from genopt_tui.loop.drift import Drift
from genopt_tui.loop.gating import summarized
from genopt_tui.loop.prompting import composed
from genopt_tui.loop.records import Outcome, figures, record_of, subject_of
from genopt_tui.loop.scoring import Wish, score_of
from genopt_tui.loop.standing import Standings
from genopt_tui.loop.timing import standing
from genopt_tui.session.journal import Event, RolloutRow, now
from genopt_tui.session.person import said
from genopt_tui.session.progress import Candidate
from genopt_tui.session.record import ACCEPTED, Decided, Decision, Record
from genopt_tui.session.repository import HeadMoved

if TYPE_CHECKING:
    from genopt_tui.propose.base import Proposer

Phase = Callable[[], Awaitable[None]]


class Machine:
    """Knows the next phase of the session and how to do it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.drift = Drift()
        self._scored: set[str] = set()
        self._scored_to = 0  # the last event that `_scored` knows

    # what comes next

    def next(self, *, active: bool, paused: bool) -> Phase | None:
        """The phase to do now; None when there is nothing to do (a person is waited for, or no run is wanted).

        What a person has decided is carried out also when the run is over or paused.
        """
        p = self.desk.book.p
        if not p.batch or p.ended:
            self.notice()
            return self.begin if active and not paused else None
        if self.accepted() is None and self.moved():
            return self.supersede
        if self.to_measure():
            return self.candidates
        if self.all_decided():
            return self.finish
        wished = p.batch.get("hand") or p.batch.get("whatif")
        if not (active or wished or p.asked) or paused or p.pending:
            return None
        if self.missing():
            return self.roll_out
        if not p.evidence and not p.batch.get("hand"):
            return self.gather
        if not p.proposed and not wished and self.desk.settings.mode == "step":
            return self.want_sending
        if self.open_candidates():
            return self.candidates
        return self.decide

    def choices(self) -> DesignChoices:
        """The design choices of the step in flight: its base's, with what was changed for this step alone."""
        batch = self.desk.book.p.batch or {}
        return changed(self.desk.choices(batch["base"]), batch.get("set", []), self.desk)

    def settings(self) -> SessionSettings:
        """The session's settings, with what was changed for the step in flight alone."""
        pairs = (self.desk.book.p.batch or {}).get("set", [])
        return with_settings(self.desk.settings, pairs, self.desk) if pairs else self.desk.settings

    def proposer(self) -> "Proposer":
        """Who proposes in the step in flight."""
        return self.desk.proposer(self.settings())

    def moved(self) -> bool:
        """Whether the head is no longer where it was when the step was begun."""
        batch, repository = self.desk.book.p.batch or {}, self.desk.repository
        return (repository.head(), repository.branch()) != (batch.get("head", batch["base"]), batch["branch"])

    def notice(self) -> None:
        """Between steps: take note of what plain git did to the head, and say so."""
        repository = self.desk.repository
        if act := repository.recover():
            ref = repository.refs.head()
            old = act.refs.get(ref, (repository.head(), ""))[0]
            self.desk.book.say(
                "moved", step=0, act="outside", branch=repository.branch(), old=old, new=repository.head()
            )

    def missing(self) -> list[tuple[str, int]]:
        """The batch's rollouts that are not finished."""
        p = self.desk.book.p
        done = {(r["example"], r["repeat"]) for r in p.rollouts if is_train(r) and r["status"] != "infra"}
        return [(e, r) for e, r in (p.batch or {})["examples"] if (e, r) not in done]

    def numbers(self) -> list[int]:
        """The candidates of the step: as many as the choices ask for, and those added since."""
        p = self.desk.book.p
        batch = p.batch or {}
        wanted = 0 if batch.get("hand") else self.choices().candidates + int(batch.get("given", 0))
        return sorted(set(range(wanted)) | set(p.candidates))

    def open_candidates(self) -> list[int]:
        """Candidates that are still to be asked for, read or scored."""
        known = self.desk.book.p.candidates
        return [k for k in self.numbers() if k not in known or not at_rest(known[k])]

    def to_measure(self) -> list[int]:
        """Candidates that a person accepted on the condition that the gate is run first."""
        return [k for k, c in self.desk.book.p.candidates.items() if is_accepted(c) and not at_rest(c)]

    def accepted(self) -> Candidate | None:
        return next((c for c in self.desk.book.p.candidates.values() if is_accepted(c)), None)

    def all_decided(self) -> bool:
        """Whether one candidate was accepted, or all of them have an end."""
        if self.accepted():
            return True
        candidates = self.desk.book.p.candidates
        return set(candidates) >= set(self.numbers()) and all(settled(c) for c in candidates.values())

    # phases

    async def begin(self) -> None:
        """Commit changed design choices, know the head's own score, sample a batch."""
        desk = self.desk
        self._commit_design()
        self._roll_back()
        base = desk.repository.head()
        await self.score(base)
        await self.sample(self.next_step(), base, [])

    async def sample(self, step: int, base: str, pairs: Sequence[str]) -> None:
        """Choose the batch of a step and say `batch_sampled`; `pairs` are choices (KEY=VALUE) of this step alone.

        Said again of a step, it begins the step anew: what was rolled out is known.
        """
        desk, choices = self.desk, changed(self.desk.choices(base), pairs, self.desk)
        scorer = await desk.scorer(choices)
        examples = await scorer.examples("train")
        person = said(desk.book.journal, step)
        batch = sample_batch(
            list(examples.values()),
            choices.batch.size,
            choices.batch.sampling,
            desk.settings.seed,
            step,
            self._last_scores(),
            person.pinned,
            excluded=[*person.excluded, *choices.exclude],
            direction=scorer.task.task.direction,
        )
        if not batch:
            raise UsageError("every train example is excluded", advice="Take one in again")
        desk.book.say(
            "batch_sampled",
            step=step,
            base=base,
            tree=desk.repository.tree(base),
            branch=desk.repository.branch(),
            examples=[[example.id, repeat] for example, repeat in batch],
            **({"set": list(pairs)} if pairs else {}),
        )

    def check(self, base: str, pairs: Sequence[str]) -> None:
        """Raises UsageError for choices or settings that a step on `base` cannot have."""
        changed(self.desk.choices(base), pairs, self.desk)
        self.desk.proposer(with_settings(self.desk.settings, pairs, self.desk))

    def begin_whatif(self, asked: Event, pairs: list[str]) -> int:
        """A step that asks the one begun by `asked` again with `pairs` changed; its edit stands beside. The new step's number."""
        desk, book, old = self.desk, self.desk.book, dict(asked.data)
        journal, head = book.journal, desk.repository.head()
        evidence, edit = journal.last("evidence_built", step=asked.step), journal.last("edit_parsed", step=asked.step)
        prompted = journal.last("prompted", step=asked.step)
        kept = {k: evidence.data[k] for k in ("dropped", "pinned")} if evidence else {}
        said_then = {k: prompted.data.get(k, []) for k in ("hints", "standing")} if prompted else {}
        named = {"base": old["base"], "tree": old["tree"], "examples": old["examples"]}
        more = {"set": [*old.get("set", []), *pairs], "whatif": asked.step, "given": int(edit is not None)}
        step, branch = self.next_step(), desk.repository.branch()
        book.say("batch_sampled", step=step, **named, **kept, **said_then, **more, branch=branch, head=head)
        if edit is not None:
            told, files = edit.data, desk.repository.files_of(edit.data["tree"])
            because, expects = [(e, s) for e, s in told["because"]], [(e, w) for e, w in told["expects"]]
            origin = {"step": asked.step, "candidate": told["candidate"]}
            first = Edit(dict(files), list(told["files"]), told["reasoning"], because, expects)
            CandidateWalk(self).parsed(0, 0, first, origin=origin)
        return step

    def begin_by_hand(self, files: Mapping[str, str], why: str) -> None:
        """A step whose proposal is already there: nothing is asked, the gate and the decision are as always."""
        desk, repository = self.desk, self.desk.repository
        base = repository.head()
        names = sorted(n for n in {*files, *repository.files(base)} if files.get(n) != repository.files(base).get(n))
        desk.book.say(
            "batch_sampled",
            step=self.next_step(),
            base=base,
            tree=repository.tree(base),
            branch=repository.branch(),
            examples=[],
            hand=why,
        )
        CandidateWalk(self).parsed(0, 0, Edit(dict(files), names, reasoning=why))

    async def score(self, commit: str) -> None:
        """Score a version on the gate examples and say `scored`, unless that is known."""
        desk, choices = self.desk, self.desk.choices(commit)
        scorer = await desk.scorer(choices)
        version = desk.version(commit)
        identity = {"tree": version.tree, "fingerprint": scorer.fingerprint, "gate": choices.gate.model_dump()}
        if self._is_scored(identity):
            return
        rows = await scorer.roll(Wish(version, "gate", await scorer.pairs("gate", choices.gate), quiet=True))
        stands = {"mean": standing(desk.repository, commit), "stderr": None} if scorer.timed else {}
        desk.book.say(
            "scored",
            step=0,
            version=commit,
            **identity,
            **summarized(rows, scorer.task.task) | stands,
            scores=rows_of(rows, scorer.task.task.failure_score),
        )

    def _is_scored(self, identity: Mapping[str, Any]) -> bool:
        """Whether `scored` was said of this artifact under this state of the task and the gate."""
        for event in self.desk.book.journal.events(self._scored_to, kinds=["scored"]):
            self._scored.add(canonical({key: event.data[key] for key in identity}))
            self._scored_to = event.id
        return canonical(identity) in self._scored

    async def roll_out(self) -> None:
        """Roll out what the batch lacks, while the proposer loads what is slow to load."""
        desk, batch = self.desk, self.desk.book.p.batch or {}
        scorer = await desk.scorer(desk.choices(batch["base"]))
        wish = Wish(desk.version(batch["base"]), "train", self.missing(), traced=True, step=desk.book.step)
        warm = asyncio.gather(self.proposer().warm(), asyncio.to_thread(importlib.import_module, "scipy.stats"))
        try:
            rows = await scorer.roll(wish)
        finally:
            await asyncio.wait([warm])
        warm.result()
        if all(row.result.status == "infra" for row in rows):
            raise EvaluationError("no rollout could be run", rows[0].result.error, "See `genopt doctor`")

    async def gather(self) -> None:
        """Build the evidence of the batch."""
        batch = self.desk.book.p.batch or {}
        await self.build_evidence(tuple(batch.get("dropped", ())), tuple(batch.get("pinned", ())))

    async def build_evidence(self, dropped: tuple[str, ...] = (), pinned: tuple[str, ...] = ()) -> None:
        """Build the evidence, with what a person left out or pinned, and say `evidence_built`."""
        evidence, _, exact = await self.composed(dropped, pinned)
        self.built(evidence, exact, dropped, pinned)

    def built(self, evidence: Evidence, exact: bool, dropped: Sequence[str], pinned: Sequence[str]) -> None:
        """Say `evidence_built`."""
        payload = {**evidence.payload(), "estimated": not exact}
        self.desk.book.say("evidence_built", **payload, dropped=list(dropped), pinned=list(pinned))

    async def composed(self, dropped: Sequence[str], pinned: Sequence[str]) -> tuple[Evidence, Prompt, bool]:
        """Evidence and prompt of the step in flight, and whether tokens were counted by the model's own tokenizer."""
        desk, batch, choices = self.desk, self.desk.book.p.batch or {}, self.choices()
        counter = await self.proposer().counter()
        rows, task = self.batch_rows(), desk.task(choices)
        told: dict[int, Any] = {}
        if choices.horizon.kind.startswith("python:"):
            told, digest = await chosen(choices.horizon.kind, desk.session, task.path, rows)
        heard = said(desk.book.journal, desk.book.step)
        hints, standing = batch.get("hints", heard.hints), batch.get("standing", heard.standing)
        person = PersonChoices(set(dropped), list(pinned), hints, standing, heard.excluded)
        evidence, prompt = composed(
            desk.repository,
            desk.book.journal,
            batch["base"],
            rows,
            choices,
            task.task,
            person,
            counter.count,
            told,
            batch.get("whatif", 0),
        )
        if told:
            evidence.horizon["digest"] = digest
        return evidence, prompt, counter.exact

    async def want_sending(self) -> None:
        """Show the prompt as it would be sent, and wait for a person."""
        known = self.desk.book.p.evidence or {}
        _, prompt, _ = await self.composed(known.get("dropped", ()), known.get("pinned", ()))
        shown: dict[str, Any] = {"messages": prompt.messages, "tokens": prompt.tokens, "sections": prompt.sections}
        self.desk.book.say("prompt_preview", **shown)
        self.desk.book.say("decision_wanted", pending="propose", candidates=[], since=now())

    async def candidates(self) -> None:
        """Ask for, read and score the candidates, side by side. One that fails lets the others come to rest first."""
        walk = CandidateWalk(self)
        numbers = self.to_measure() or self.open_candidates()
        results = await asyncio.gather(*(walk.walk(k) for k in numbers), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def decide(self) -> None:
        """Let the rule decide, or ask the person."""
        open_ = [c for c in self.desk.book.p.candidates.values() if not settled(c)]
        batch = self.desk.book.p.batch or {}
        if (
            batch.get("head", batch["base"]) != batch["base"]
        ):  # asked of a version that is history: an answer, no proposal
            for candidate in open_:
                told = verdict_line(candidate) if candidate.gate else "not scored"
                self.decided(candidate.number, Outcome("not-chosen", "runner", f"what if: {told}"))
            return
        by_person = any((c.decided or {}).get("by") == "person" for c in self.desk.book.p.candidates.values())
        if self.desk.settings.mode != "auto" or by_person:
            self.desk.book.say("decision_wanted", pending="decide", candidates=[c.number for c in open_], since=now())
            return
        for candidate, outcome in self._by_rule(open_):
            self.decided(candidate.number, outcome)

    def decided(self, number: int, outcome: Outcome, **more: Any) -> None:
        """Say what was decided of a candidate."""
        self.desk.book.say(
            "decided", candidate=number, decision=outcome.decision, by=outcome.by, reason=outcome.reason, **more
        )

    async def finish(self) -> None:
        """Commit what was accepted and keep everything else; the step is over then."""
        self.desk.book.flush()
        chosen = self.accepted()
        ended = ""
        if chosen:
            ended = await self._commit(chosen)
        for candidate in self._unended():
            outcome = outcome_of(candidate, accepted=chosen is not None)
            if chosen and candidate.number == chosen.number:
                outcome = Outcome("superseded", "runner", "the head moved before it could be committed")
            await self._keep(candidate, outcome)
            ended = ended or outcome.decision
        self._end(ended)

    async def supersede(self, why: str = "the head moved") -> None:
        """End the step: what it has so far is kept, and belongs to the version it was made for."""
        if self.moved():
            batch, repository = self.desk.book.p.batch or {}, self.desk.repository
            old, new = batch["base"], repository.head()
            self.desk.book.say("moved", step=0, act="outside", branch=repository.branch(), old=old, new=new)
        self.desk.book.flush()
        candidates = self._unended() or ([] if self.desk.book.p.candidates else [Candidate()])
        for candidate in candidates:
            await self._keep(candidate, Outcome("superseded", "runner", why))
        self._end("superseded")

    def batch_rows(self) -> list[RolloutRow]:
        """The batch's finished rollouts, in the batch's order."""
        p = self.desk.book.p
        ids = {(r["example"], r["repeat"]): r["rollout"] for r in p.rollouts if is_train(r)}
        rows = [self.desk.book.journal.rollout(ids[e, r]) for e, r in (p.batch or {})["examples"] if (e, r) in ids]
        return [row for row in rows if row is not None]

    # how a step ends

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
        best = max(counting, key=lambda c: sign * (c.gate or {})["mean"])
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
        direction = self.desk.task(self.choices()).task.direction
        if found := self.drift.seen(self.desk.book.p, direction):
            self.desk.book.say("notice", candidate=None, text=f"{found.message} {found.advice}", path=None)
        self.desk.book.say("step_ended", outcome=outcome, counts=self._counts())

    def _counts(self) -> bool:
        """Whether the step counts against the budget: under `crash = free` not when all rollouts of batch or gate failed."""
        p, rows = self.desk.book.p, self.batch_rows()
        crashed = bool(rows) and all(row.result.status not in {"ok", "infra"} for row in rows)
        gates = [c.gate for c in p.candidates.values() if c.gate]
        crashed = crashed or (bool(gates) and all(g["failed"] == len(g["scores"]) for g in gates))
        return not (crashed and self.choices().crash == "free")

    def _unended(self) -> list[Candidate]:
        return [c for _, c in sorted(self.desk.book.p.candidates.items()) if not c.ended]

    # before a step

    def next_step(self) -> int:
        return max(self.desk.repository.next_step(), self.desk.book.journal.last_step() + 1)

    def _roll_back(self) -> None:
        """Under `rollback`, take the branch back to its best version after a row of relapses."""
        from genopt_tui.session import acts

        desk, repository = self.desk, self.desk.repository
        old = repository.head()
        if not desk.choices(old).rollback or (best := Standings(desk).relapse()) is None:
            return
        acts.rewind(repository, best.commit)
        desk.book.say("moved", step=0, act="rollback", branch=repository.branch(), old=old, new=best.commit)

    def _commit_design(self) -> None:
        """Commit the design choices that were changed since the last step, once."""
        desk = self.desk
        staged = said(desk.book.journal, self.next_step()).staged
        if not staged:
            return
        base, step = desk.repository.head(), self.next_step()
        old = desk.choices(base)
        new = changed(old, staged, desk)
        if new != old:
            self._commit_choices(base, step, new, staged)
        desk.book.say("design_committed", step=0, pairs=staged)

    def _commit_choices(self, base: str, step: int, new: DesignChoices, pairs: list[str]) -> None:
        desk, subject = self.desk, f"design: {', '.join(pairs)}"
        record = Record(
            step=step,
            at=now(),
            base=base,
            branch=desk.repository.branch(),
            task=str(new.task.get("name", "")),
            direction=desk.task(new).task.direction,
            decision=Decided(decision="design", by="person"),
        )
        tree = desk.repository.tree(base)
        version = desk.repository.commit(
            base=base, tree=tree, record=record, subject=subject, body="", model="", choices_text=to_toml(new)
        )
        desk.book.say(
            "committed",
            step=step,
            candidate=0,
            version=version,
            tree=tree,
            branch=desk.repository.branch(),
            subject=f"step {step}: {subject}",
            **figures(record),
        )

    def _last_scores(self) -> dict[str, float]:
        """The last known score of each train example."""
        choices = self.desk.choices(self.desk.repository.head())
        failure = self.desk.task(choices).task.failure_score
        scores = {}
        for row in self.desk.book.journal.rollouts(self.desk.repository.tree(self.desk.repository.head()), "train"):
            if (score := score_of(row.result, failure)) is not None:
                scores[row.result.example] = score
        return scores


def changed(old: DesignChoices, pairs: Sequence[str], desk: Desk) -> DesignChoices:
    """The choices with KEY=VALUE pairs applied. Raises UsageError."""
    new = old.model_copy(deep=True)
    assign(new, desk.settings.model_copy(deep=True), pairs, desk.task(old).task.settings)
    return new


def canonical(data: Mapping[str, Any]) -> str:
    return json.dumps(data, sort_keys=True)


def with_settings(settings: SessionSettings, pairs: Sequence[str], desk: Desk) -> SessionSettings:
    """The settings with KEY=VALUE pairs applied. Raises UsageError."""
    new, choices = settings.model_copy(deep=True), desk.choices(desk.repository.head()).model_copy(deep=True)
    assign(choices, new, pairs, desk.task(choices).task.settings)
    return new


def is_train(rollout: Any) -> bool:
    return rollout["split"] == "train" and rollout.get("candidate") is None


def is_accepted(c: Candidate) -> bool:
    return bool(c.decided) and (c.decided or {})["decision"] in ACCEPTED


def at_rest(c: Candidate) -> bool:
    """Whether nothing more is asked, read or scored for this candidate."""
    if c.ended or c.refused or c.gate:
        return True
    decided = c.decided or {}
    return bool(decided) and (decided["decision"] not in ACCEPTED or bool(decided.get("unmeasured")))


def settled(c: Candidate) -> bool:
    """Whether this candidate's end is known without asking anybody."""
    return bool(c.ended or c.refused or c.decided)


def outcome_of(c: Candidate, *, accepted: bool) -> Outcome:
    """How a candidate ends that is not taken; `accepted`: another one of its step is."""
    if c.decided and not is_accepted(c):
        return Outcome(c.decided["decision"], c.decided["by"], c.decided["reason"])
    if c.refused:
        return Outcome("refused", "runner", str(c.refusals[-1]["why"]))
    if c.gate is None:
        return Outcome("not-chosen" if accepted else "failed", "runner", "it was not scored")
    if not c.gate["complete"]:
        return Outcome("failed", "runner", "its gate could not be completed")
    if accepted:
        return Outcome("not-chosen", "runner", "another candidate was taken")
    return Outcome("undecided" if c.gate["verdict"] == "undecided" else "rejected", "gate", verdict_line(c))


def verdict_line(c: Candidate) -> str:
    """The gate's reason in words."""
    gate = c.gate or {}
    low, high = gate.get("interval") or (None, None)
    span = f" [{low:+.3g}, {high:+.3g}]" if low is not None else ""
    return f"{gate['verdict']}: {gate.get('base_mean') or 0:.4g} -> {gate['mean']:.4g}{span}, n={gate['n']}"


def rows_of(rows: list[RolloutRow], failure: float) -> list[dict[str, Any]]:
    """Scores per example, as events tell them."""
    return [
        {
            "example": r.result.example,
            "repeat": r.result.repeat,
            "score": score_of(r.result, failure),
            "status": r.result.status,
        }
        for r in rows
    ]
