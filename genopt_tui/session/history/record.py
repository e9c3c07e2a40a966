"""`record.json`: all that belongs to a version, in its own tree. Format 1."""

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from genopt_tui.errors import SessionError
from genopt_tui.learn.failures import Rank

Decision = Literal[
    "start",
    "approved",
    "edited",
    "gate",
    "always",
    "manual",
    "design",
    "rejected",
    "undecided",
    "refused",
    "failed",
    "superseded",
    "not-chosen",
]

SHARED_FIELDS = {"messages": "prompt", "reply": "reply"}
"""What of an attempt is left out of `record.json` where it equals what the record itself holds."""


class RecordPart(BaseModel):
    model_config = ConfigDict(extra="allow")


class Attempt(RecordPart):
    """One request for one candidate: the messages sent and the raw reply. `usage` counts tokens
    (`input`, `output`)."""

    candidate: int = 0
    messages: list[dict[str, str]] = Field(default_factory=list)
    reply: str = ""
    complete: bool = True
    finish_reason: str | None = None
    usage: dict[str, int] | None = None
    cost: float | None = None
    refused: str | None = None


class Proposal(RecordPart):
    """The edit that was decided on, as shown."""

    reasoning: str = ""
    diff: str = ""
    declined: str = Field("", description="What a person left out of the edit, as a diff")
    files: list[str] = Field(default_factory=list)
    because: list[tuple[str, int]] = Field(default_factory=list)
    expects: list[tuple[str, str]] = Field(default_factory=list)
    promises_kept: int | None = None
    promised: list[tuple[str, str, bool]] = Field(
        default_factory=list,
        description="Of `expects`, those that could be judged: example, way, whether it came true",
    )


class Scores(RecordPart):
    """Gate scores of exactly this tree, and of its base on the same examples. Rows: example,
    repeat, score, base, status, base_status (where the base failed)."""

    tree: str = ""
    mean: float | None = None
    stderr: float | None = None
    n: int = 0
    base_mean: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    verdict: str = ""
    rank: Rank = None
    base_rank: Rank = None
    test: str = ""
    rule: str = ""
    looks: list[int] = Field(
        default_factory=list, description="Pairs at each look of the gate, the last one its end"
    )
    most: int = Field(0, description="Pairs up to which it might have grown; 0: not recorded")
    rows: list[dict[str, Any]] = Field(default_factory=list)


class DecisionRecord(RecordPart):
    decision: Decision
    by: str = "runner"
    reason: str = ""


class Record(RecordPart):
    """Everything about one version or one proposal that was not taken."""

    format: Literal[1] = 1
    step: int = 0
    candidate: int = 0
    at: str = ""
    base: str = Field("", description="Commit that the proposal was made for")
    branch: str = ""
    task: str = ""
    direction: Literal["higher", "lower"] = Field("higher", description="Which scores are better")
    fingerprint: str = Field("", description="Digest of the task's code, settings and limits")
    model: str = ""
    settings: dict[str, Any] = Field(
        default_factory=dict, description="Session settings in force, without addresses and keys"
    )
    evidence: dict[str, Any] = Field(default_factory=dict)
    prompt: list[dict[str, str]] = Field(
        default_factory=list, description="Messages of the first attempt"
    )
    attempts: list[Attempt] = Field(default_factory=list)
    reply: str = Field("", description="Raw reply that the proposal was read from")
    proposal: Proposal = Field(default_factory=Proposal)
    scores: Scores = Field(default_factory=Scores)
    decision: DecisionRecord
    usage: dict[str, Any] = Field(
        default_factory=dict,
        description="Tokens, calls, seconds and cost of this step and candidate",
    )

    def to_json(self) -> str:
        """`record.json`: one JSON document, a line for each field. What an attempt shares with the
        record is written once."""
        data = self.model_dump()
        for attempt in data["attempts"]:
            for own, shared in SHARED_FIELDS.items():
                if data[shared] and attempt[own] == data[shared]:
                    del attempt[own]
        lines = (
            f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
            for key, value in data.items()
        )
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @model_validator(mode="before")
    @classmethod
    def _restore_shared_fields(cls, data: Any) -> Any:
        """Give attempts back what was written once."""
        if not isinstance(data, dict) or not all(
            isinstance(a, dict) for a in data.get("attempts") or ()
        ):
            return data
        shared = {own: data[name] for own, name in SHARED_FIELDS.items() if data.get(name)}
        return {
            **data,
            "attempts": [{**shared, **attempt} for attempt in data.get("attempts") or ()],
        }


def parse_record(text: str) -> Record:
    """The record in a `record.json`. Raises SessionError when it is none, or of a later format."""
    from pydantic import ValidationError

    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise SessionError(
            "record.json cannot be read",
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            "It may come from a later genopt: update, or look at it with git show",
        ) from error
