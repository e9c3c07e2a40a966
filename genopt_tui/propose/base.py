"""What the loop asks of a source of proposals, and what comes back: a stream of events."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from genopt_tui.errors import UsageError
from genopt_tui.learn.text import estimate_tokens

Message = Mapping[str, str]


class EditableScope(Protocol):
    """The part of `learn.scope.Scope` that proposers use."""

    def find_editable_lines(self, file: str, text: str) -> list[tuple[int, int]]:
        """Editable lines of a file, 1-based and inclusive."""
        ...


@dataclass(frozen=True)
class ReplyRequest:
    """One request for one reply.

    `files` is the base artifact and `base_tree` its tree id; both are empty when an artifact asks
    (`llm(...)`).
    `seed` is the session's; what one request is seeded with comes from `number()`. `temperature`
    and `params` override
    the proposer's own. `tried` holds tree ids of artifacts that need no second proposal. `earlier`
    counts the complete
    replies this session already holds for this base, so that a restarted runner goes on where it
    was.
    """

    messages: Sequence[Message]
    files: Mapping[str, str] = field(default_factory=dict)
    scope: EditableScope | None = None
    base_tree: str = ""
    step: int = 0
    candidate: int = 0
    attempt: int = 0
    seed: int = 0
    temperature: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    tried_trees: frozenset[str] = frozenset()
    replies_so_far: int = 0

    def derive_seed(self) -> int:
        """31 random bits that belong to this request: candidates and attempts differ, a repetition
        does not."""
        identity = f"{self.seed}/{self.step}/{self.candidate}/{self.attempt}"
        return int.from_bytes(sha256(identity.encode()).digest()[:4], "big") >> 1


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the person while the reply is awaited; `path` is the file it speaks of."""

    text: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class FailedTry:
    """A try failed: what its deltas said is `text`, and the reply starts anew after `wait` seconds.

    `wait` is None when this was the last try: `ProposerPause` follows. `usage` and `cost` are of
    this try alone,
    `estimated` where the provider reported none; cost is None when unknown.
    """

    text: str
    error: str
    usage: Mapping[str, int] | None = None
    cost: float | None = None
    estimated: bool = False
    seconds: float = 0.0
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The reply is complete: all deltas since the last `Broken`.

    `usage` counts tokens (`input`, `output`), None when unknown; `cost` is US dollars, None when
    unknown.
    """

    finish_reason: str = "stop"
    usage: Mapping[str, int] | None = None
    cost: float | None = None
    estimated: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RequestCost:
    """What a request cost: tokens (`input`, `output`) and US dollars, None where unknown;
    `estimated`: the provider said nothing."""

    usage: Mapping[str, int] | None = None
    cost: float | None = None
    estimated: bool = True


StreamEvent = Delta | Notice | FailedTry | Finish


@dataclass(frozen=True)
class TokenCounter:
    """Counts the tokens of a text; `exact` when with the model's own tokenizer, else it is
    `learn.text.estimate_tokens`."""

    count: Callable[[str], int]
    exact: bool = False


class Proposer(Protocol):
    """A source of replies. Raises ProposerPause where a person is needed; other errors of a try are
    `Broken` events."""

    name: str

    def stream(self, ask: ReplyRequest) -> AsyncIterator[StreamEvent]:
        """Ask once: deltas, then one `Finish`. Cancel the task (or close the iterator) to stop
        it."""
        ...

    async def warm_up(self) -> None:
        """Load what is slow to load; the first request then leaves at once."""
        return

    async def get_counter(self) -> TokenCounter:
        """The model's tokenizer, or an estimate that says so."""
        return TokenCounter(estimate_tokens)

    async def estimate_price(self, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars for a request of this size, None when unknown."""
        return None

    async def spent(self, ask: ReplyRequest, text: str) -> RequestCost:
        """What a request cost of which only `text` arrived, before it was cancelled or its runner
        died."""
        return RequestCost()

    async def close(self) -> None:
        """Let go of everything held."""
        return

    def supply(self, text: str, candidate: int | None = None) -> None:
        """Give the reply a person was asked for. Raises UsageError when none is waited for."""
        raise UsageError("no reply is waited for", f"{self.name} replies by itself")


def format_messages(messages: Sequence[Message]) -> str:
    """A prompt as one text, for programs and people; who said what is told where it is not
    obvious."""
    if all(m["role"] in {"system", "user"} for m in messages):
        return "\n\n".join(m["content"] for m in messages)
    return "\n\n".join(f"## {m['role']}\n\n{m['content']}" for m in messages)
