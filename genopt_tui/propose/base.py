"""The interface of proposers: a request goes in, a stream of events comes out."""

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
    (`llm(...)`). `seed` is the session's; `derive_seed` gives the request's own. `temperature` and
    `params` override the proposer's. `tried_trees` are artifacts that need no second proposal.
    `replies_so_far` counts the session's complete replies for this base, so that a restarted
    runner continues where it was.
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
        """A seed of 31 bits: it differs between candidates and attempts, and is the same when a
        request is repeated."""
        identity = f"{self.seed}/{self.step}/{self.candidate}/{self.attempt}"
        return int.from_bytes(sha256(identity.encode()).digest()[:4], "big") >> 1


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the person while a reply is awaited; `path` is the file that it names."""

    text: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class FailedTry:
    """A try failed after the deltas in `text`; the reply starts over after `wait` seconds.

    `wait` is None after the last try: `ProposerPause` follows. `usage` and `cost` belong to this
    try alone and are `estimated` where the provider reported none; cost is None when unknown.
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
    """The reply is complete: all deltas since the last `FailedTry`.

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
    """The cost of a request: tokens (`input`, `output`) and US dollars, None where unknown;
    `estimated` where the provider reported nothing."""

    usage: Mapping[str, int] | None = None
    cost: float | None = None
    estimated: bool = True


StreamEvent = Delta | Notice | FailedTry | Finish


@dataclass(frozen=True)
class TokenCounter:
    """Counts the tokens of a text: `exact` with the model's own tokenizer, else by
    `learn.text.estimate_tokens`."""

    count: Callable[[str], int]
    exact: bool = False


class Proposer(Protocol):
    """A source of replies. Raises ProposerPause where a person is needed; other errors of a try are
    `FailedTry` events."""

    name: str

    def stream(self, request: ReplyRequest) -> AsyncIterator[StreamEvent]:
        """Send one request: deltas, then one `Finish`. Cancel the task (or close the iterator) to
        stop."""
        ...

    async def warm_up(self) -> None:
        """Load slow libraries ahead, so that the first request leaves at once."""
        return

    async def get_counter(self) -> TokenCounter:
        """The model's tokenizer, or an estimate."""
        return TokenCounter(estimate_tokens)

    async def estimate_price(self, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars for a request of this size, None when unknown."""
        return None

    async def spent(self, request: ReplyRequest, text: str) -> RequestCost:
        """The cost of a request that ended after `text` had arrived."""
        return RequestCost()

    async def close(self) -> None:
        """Release all resources."""
        return

    def supply(self, text: str, candidate: int | None = None) -> None:
        """Give the reply that a person was asked for. Raises UsageError when none is awaited."""
        raise UsageError("no reply is awaited", f"{self.name} replies by itself")


def format_messages(messages: Sequence[Message]) -> str:
    """A prompt as one text, for programs and people; roles are named where they are not obvious."""
    if all(m["role"] in {"system", "user"} for m in messages):
        return "\n\n".join(m["content"] for m in messages)
    return "\n\n".join(f"## {m['role']}\n\n{m['content']}" for m in messages)
