"""What goes into a rollout and what comes out of it: plain data, no paths, no shared memory.

These types cross process borders (and later machines), so they hold only text, numbers, bytes,
lists and dictionaries.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["ok", "error", "timeout", "memory", "killed", "output", "invalid", "infra"]
Split = Literal["train", "gate", "test"]
Json = Any  # None, bool, int, float, str, bytes, list and dict of these


@dataclass(frozen=True, slots=True)
class Example:
    """One unit of experience: a question, a game seed, a data split.

    `id` has no blanks (people and models write it: `expects: seed-3 up`). `data` goes to the judge
    only.
    `label` is the expected answer where there is one: for stratified splits and label balance.
    """

    id: str
    data: Json = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call of a function of the artifact; `depth` 0 is called by the task itself."""

    function: str
    arguments: Mapping[str, Json]
    result: Json = None
    error: str | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step of a rollout. `index` counts from 0; `calls` happened before the step was recorded.

    `cut` counts values that were bounded while recording (0: nothing was lost).
    """

    index: int
    observation: Json = None
    action: Json = None
    reward: float | None = None
    info: Mapping[str, Json] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    cut: int = 0


@dataclass(frozen=True, slots=True)
class TraceChunk:
    """`count` consecutive steps from `first`, encoded by `task.trace`; readable without the other
    chunks."""

    first: int
    count: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """An indexed picture attached to step `step`: `pixels` is zlib of width*height palette indices
    (1 byte each), or what
    changed since the picture before (see `task.pictures`); `palette` is 3 bytes (RGB) per used
    index."""

    step: int
    width: int
    height: int
    palette: bytes
    pixels: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one rollout. Seconds are wall time; memory, output, file and scratch sizes are
    bytes.

    `processes` beside the player's own; `calls` counts calls of the judge into the player.
    """

    seconds: float = 60.0
    cpu_seconds: float | None = None
    memory: int = 2 * 1024**3
    processes: int = 0
    output: int = 1024**2
    file_size: int = 64 * 1024**2
    scratch: int = 256 * 1024**2
    calls: int = 10_000_000


@dataclass(frozen=True, slots=True)
class Rollout:
    """One run of a version on one example.

    `artifact` maps file name to text; `tree` is the git tree id of these files. `seed` is the
    session's;
    the player's randomness is seeded from (seed, example id, repeat). `settings` are the task's
    own.
    `traced` rollouts record steps, calls and pictures.
    """

    artifact: Mapping[str, str]
    tree: str
    example: Example
    split: Split = "train"
    repeat: int = 0
    seed: int = 0
    settings: Mapping[str, Json] = field(default_factory=dict)
    traced: bool = False


@dataclass(frozen=True, slots=True)
class RolloutResult:
    """What a rollout yields. `score` is None unless `status` is `ok`.

    `seconds` is wall time without the time spent in `llm(...)`. `error` is the artifact's traceback
    cut to its own frames.
    `output` holds the first and last parts of what the player printed, `sandbox` the isolation that
    was in force.
    `signature` digests actions and rewards: equal signatures of two repeats are one sample.
    `reruns` counts earlier tries that the machine ended, not the artifact. `hint` names the
    sandbox setting that the rollout failed for; it is for people and never enters a prompt.
    """

    example: str
    repeat: int
    split: Split
    status: Status
    score: float | None
    seconds: float
    feedback: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    output: str = ""
    sandbox: str = ""
    signature: str = ""
    steps: int = 0
    trace: tuple[TraceChunk, ...] = ()
    pictures: tuple[Picture, ...] = ()
    llm_calls: int = 0
    reruns: int = 0
    hint: str = ""
