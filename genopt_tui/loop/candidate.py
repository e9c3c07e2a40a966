"""One candidate of a step: ask, read, send back what was refused, score on the gate. Each part ends in a durable event."""

from collections.abc import Mapping
from typing import Any

from genopt_tui.learn.edit import Edit, read_reply
from genopt_tui.learn.refusal import Refusal
from genopt_tui.learn.scope import parse_scope
from genopt_tui.loop.asking import ask
from genopt_tui.loop.gating import judged, looked
from genopt_tui.loop.rules import at_rest
from genopt_tui.loop.scoring import Scorer, Version, Wish, rows_of
from genopt_tui.loop.step import Composed, Step
from genopt_tui.loop.timing import alternately, standing, timed
from genopt_tui.propose.base import Ask
from genopt_tui.session.journal import Reply
from genopt_tui.session.progress import Candidate
from genopt_tui.session.promised import so_far

REPAIRS = 2


class CandidateWalk:
    """Walks candidates of the step in flight from the prompt to the gate."""

    def __init__(self, step: Step) -> None:
        self.step, self.desk = step, step.desk
        self.batch: dict[str, Any] = dict(self.desk.book.p.batch or {})
        self.choices = step.choices()
        self.base = self.desk.version(self.batch["base"])

    async def walk(self, number: int) -> None:
        """Go on with a candidate until it is refused for good or scored. Raises ProposerError, EvaluationError, BudgetStop."""
        while True:
            candidate = self.desk.book.p.candidates.get(number)
            if candidate is None:
                await self.prompt(number)
            elif at_rest(candidate) or self.desk.held:
                return
            elif candidate.edit:
                await self._gate(candidate)
            elif self._refused_now(candidate):
                await self._repair(candidate)
            elif reply := self._reply(number, candidate.attempt):
                self._read(candidate, reply)
            else:
                await self._ask(candidate)

    async def prompt(self, number: int, shown: Mapping[str, Any] | None = None) -> None:
        """Build the prompt, or send the one that was `shown` (a `prompt_preview`) to the byte.

        The candidates of one step are asked the same, one that a person adds hears new hints too.
        """
        book = self.desk.book
        first = next((c.prompts[0] for _, c in sorted(book.p.candidates.items()) if c.prompts), None)
        if shown is not None:
            messages, tokens, sections = shown["messages"], shown["tokens"], shown["sections"]
            book.say("prompted", **{key: shown[key] for key in ("hints", "standing", "until")})
        elif first is not None and number < self.choices.candidates:
            messages, tokens, sections = first["messages"], first["tokens"], first["sections"]
        else:
            made = await self._composed()
            messages, tokens, sections = made.prompt.messages, made.prompt.tokens, made.prompt.sections
            book.say("prompted", hints=[*made.hints], standing=[*made.standing], until=made.until)
        book.say(
            "prompt_built",
            candidate=number,
            attempt=0,
            messages=messages,
            tokens=tokens,
            sections=sections,
            repair=False,
        )

    async def _composed(self) -> Composed:
        """The prompt as it is now; where what was said since leaves the evidence another room, that evidence is told too."""
        known = self.desk.book.p.evidence or {}
        dropped, pinned = known.get("dropped", ()), known.get("pinned", ())
        made = await self.step.composed(dropped, pinned)
        self.step.built(made, dropped, pinned)
        return made

    async def _ask(self, candidate: Candidate) -> None:
        desk = self.desk
        desk.check_budget()
        prompt, settings = candidate.prompts[-1], self.step.settings()
        request = Ask(
            messages=prompt["messages"],
            files=self.base.files,
            scope=parse_scope(self.choices.scope, self.base.files),
            base_tree=self.base.tree,
            step=desk.book.step,
            candidate=candidate.number,
            attempt=candidate.attempt,
            seed=settings.seed,
            temperature=settings.temperature,
            params=settings.params,
            tried=desk.book.journal.trees(),
            earlier=desk.book.journal.replies_for(self.base.tree),
        )
        desk.asking += 1
        try:
            await ask(self.step.proposer(), request, desk.book)
        finally:
            desk.asking -= 1

    def _read(self, candidate: Candidate, reply: Reply) -> None:
        """Read the edit out of a complete reply."""
        scope = parse_scope(self.choices.scope, self.base.files)
        found = read_reply(reply.text, self.base.files, scope, reply.finish_reason, before=self._cut_off(candidate))
        if isinstance(found, Edit):
            more = {"whatif": self.batch["set"]} if self.batch.get("whatif") else {}
            self.parsed(candidate.number, candidate.attempt, found, **more)
        else:
            self._refuse(candidate, found)

    def _cut_off(self, candidate: Candidate) -> str:
        """The reply before this one, when it was cut off and this one continues it."""
        last = candidate.refusals[-1] if candidate.refusals else None
        if not last or last["refused"] != "cut-off":
            return ""
        reply = self._reply(candidate.number, int(last["attempt"]))
        return reply.text if reply else ""

    def parsed(self, number: int, attempt: int, edit: Edit, **more: Any) -> None:
        """Keep an edit's artifact and say `edit_parsed`."""
        from genopt_tui.learn.diff import hunks

        tree = self.desk.repository.stage_artifact(edit.files)  # durable with the event
        parts = hunks(self.base.files, edit.files)
        self.desk.book.say(
            "edit_parsed",
            candidate=number,
            attempt=attempt,
            tree=tree,
            files=list(edit.changed),
            hunks=len(parts),
            added=sum(h.added for h in parts),
            removed=sum(h.removed for h in parts),
            reasoning=edit.reasoning,
            because=[list(b) for b in edit.because],
            expects=[list(e) for e in edit.expects],
            **more,
        )

    def _refuse(self, candidate: Candidate, refusal: Refusal) -> None:
        self.desk.book.say(
            "edit_refused",
            candidate=candidate.number,
            attempt=candidate.attempt,
            why=refusal.why,
            place=refusal.place,
            nearest=refusal.nearest,
            advice=refusal.advice,
            refused=refusal.kind,
            final=candidate.attempt >= REPAIRS,
        )

    def _refused_now(self, candidate: Candidate) -> bool:
        """Whether the newest attempt was refused and may be sent back."""
        return any(r["attempt"] == candidate.attempt for r in candidate.refusals)

    async def _repair(self, candidate: Candidate) -> None:
        """Send a refused edit back: what was asked, what came, and why it cannot be used; without the evidence."""
        last = candidate.refusals[-1]
        refusal = Refusal(
            why=last["why"], place=last["place"], nearest=last["nearest"], advice=last["advice"], kind=last["refused"]
        )
        reply = self._reply(candidate.number, candidate.attempt)
        evidence = self.desk.book.p.evidence or {}
        made = await self.step.composed(evidence.get("dropped", ()), evidence.get("pinned", ()))
        counter = await self.step.proposer().counter()
        messages = made.prompt.repair(reply.text if reply else "", refusal)
        self.desk.book.say(
            "prompt_built",
            candidate=candidate.number,
            attempt=candidate.attempt + 1,
            messages=messages,
            tokens=sum(counter.count(m["content"]) for m in messages),
            sections=[],
            repair=True,
        )

    def _reply(self, number: int, attempt: int) -> Reply | None:
        replies = self.desk.book.journal.replies(self.desk.book.step)
        return next((r for r in replies if (r.candidate, r.attempt) == (number, attempt) and r.complete), None)

    async def _gate(self, candidate: Candidate) -> None:
        """Score the candidate and its base on the same gate examples."""
        desk, edit = self.desk, candidate.edit or {}
        scorer = await desk.scorer(self.choices)
        gate = self.choices.gate
        pairs = await scorer.pairs("gate", gate)
        version = Version(desk.repository.files_of(edit["tree"]), edit["tree"])
        ours = Wish(version, "gate", pairs, candidate=candidate.number, step=desk.book.step)
        theirs = Wish(self.base, "gate", pairs, step=desk.book.step, quiet=True)
        task = scorer.task.task
        if scorer.timed:
            base, new = await alternately(scorer, [theirs, ours])
            data = timed(base, new, task, gate, standing(desk.repository, self.batch["base"]))
        else:
            data = await looked(scorer, theirs, ours, gate)
        expects = edit.get("expects", [])
        seen = [] if scorer.timed else await self._promised(scorer, version, {example for example, _ in expects})
        told = judged(expects, [*data["scores"], *seen], task.direction)
        kept = sum(came_true for *_, came_true in told)
        earlier = so_far(desk.book.journal, desk.repository)
        desk.book.say(
            "gate_finished",
            candidate=candidate.number,
            tree=version.tree,
            base_tree=self.base.tree,
            promises_kept=kept,
            promises=len(told),
            promised=[list(promise) for promise in told],
            session_promises=[earlier[0] + kept, earlier[1] + len(told)],
            rule=task.scored_by(scorer.task_settings),
            **data,
        )

    async def _promised(self, scorer: Scorer, version: Version, named: set[str]) -> list[dict[str, Any]]:
        """Scores of a candidate, and of its base, on the examples of the evidence for which it promised something."""
        batch = self.step.batch_rows()
        pairs = [(r.result.example, r.result.repeat) for r in batch if r.result.example in named]
        if not pairs:
            return []
        failure = scorer.task.task.failure_score
        bases = {(b["example"], b["repeat"]): b["score"] for b in rows_of(batch, failure)}
        rows = await scorer.roll(Wish(version, "train", pairs, traced=True, quiet=True))
        return [{**row, "base": bases[row["example"], row["repeat"]]} for row in rows_of(rows, failure)]
