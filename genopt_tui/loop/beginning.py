"""How a step begins: changed design choices are committed, the head is scored, a batch is sampled; or an edit is there already."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from genopt_tui.errors import UsageError
from genopt_tui.learn.edit import Edit
from genopt_tui.learn.sample import sample_batch
from genopt_tui.loop.candidate import CandidateWalk
from genopt_tui.loop.changes import changed, with_settings
from genopt_tui.loop.designing import commit_design
from genopt_tui.loop.gating import summarized
from genopt_tui.loop.scoring import Wish, rows_of, score_of
from genopt_tui.loop.standing import Standings
from genopt_tui.loop.step import Step
from genopt_tui.loop.timing import standing
from genopt_tui.session.journal import Event
from genopt_tui.session.person import said


class Beginning:
    """Begins steps."""

    def __init__(self, step: Step) -> None:
        self.step, self.desk = step, step.desk
        self._scored: set[str] = set()
        self._scored_to = 0  # the last event that `_scored` knows

    async def begin(self) -> None:
        """Commit changed design choices, know the head's own score, sample a batch."""
        desk = self.desk
        commit_design(desk, self.next_step())
        base = self._rolled_back(desk.repository.head())
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
            self._last_scores(base),
            person.pinned,
            excluded=list(person.excluded(choices.exclude)),
            direction=scorer.task.task.direction,
        )
        if not batch:
            raise UsageError("every train example is excluded", advice="Take one in again")
        desk.book.say(
            "batch_sampled",
            step=step,
            base=base,
            tree=desk.repository.tree(base),
            branch=desk.repository.active(),
            examples=[[example.id, repeat] for example, repeat in batch],
            **({"set": list(pairs)} if pairs else {}),
        )

    def check(self, base: str, pairs: Sequence[str]) -> None:
        """Raises UsageError for choices or settings that a step on `base` cannot have."""
        changed(self.desk.choices(base), pairs, self.desk)
        self.desk.proposer(with_settings(self.desk.settings, pairs, self.desk))

    def whatif(self, asked: Event, pairs: list[str]) -> int:
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
            CandidateWalk(self.step).parsed(0, 0, first, origin=origin)
        return step

    def by_hand(self, files: Mapping[str, str], why: str) -> None:
        """A step whose proposal is already there: nothing is asked, the gate and the decision are as always."""
        desk, repository = self.desk, self.desk.repository
        base = repository.head()
        names = sorted(n for n in {*files, *repository.files(base)} if files.get(n) != repository.files(base).get(n))
        desk.book.say(
            "batch_sampled",
            step=self.next_step(),
            base=base,
            tree=repository.tree(base),
            branch=repository.active(),
            examples=[],
            hand=why,
        )
        CandidateWalk(self.step).parsed(0, 0, Edit(dict(files), names, reasoning=why))

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
            rule=scorer.task.task.scored_by(scorer.task_settings),
            scores=rows_of(rows, scorer.task.task.failure_score),
        )

    def _is_scored(self, identity: Mapping[str, Any]) -> bool:
        """Whether `scored` was said of this artifact under this state of the task and the gate."""
        for event in self.desk.book.journal.events(self._scored_to, kinds=["scored"]):
            self._scored.add(_canonical({key: event.data[key] for key in identity}))
            self._scored_to = event.id
        return _canonical(identity) in self._scored

    def next_step(self) -> int:
        return max(self.desk.repository.next_step(), self.desk.book.journal.last_step() + 1)

    def _rolled_back(self, old: str) -> str:
        """The head, `old`; under `rollback` the best version after a row of relapses, to which the branch is taken back."""
        from genopt_tui.session import acts

        desk, repository = self.desk, self.desk.repository
        if not desk.choices(old).rollback or (best := Standings(desk).relapse()) is None:
            return old
        acts.rewind(repository, best.commit)
        desk.book.say("moved", step=0, act="rollback", branch=repository.branch(), old=old, new=best.commit)
        return best.commit

    def _last_scores(self, base: str) -> dict[str, float]:
        """The last known score of a version on each train example."""
        choices = self.desk.choices(base)
        failure = self.desk.task(choices).task.failure_score
        scores = {}
        for row in self.desk.book.journal.rollouts(self.desk.repository.tree(base), "train"):
            if (score := score_of(row.result, failure)) is not None:
                scores[row.result.example] = score
        return scores


def _canonical(data: Mapping[str, Any]) -> str:
    return json.dumps(data, sort_keys=True)
