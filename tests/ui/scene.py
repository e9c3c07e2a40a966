"""A step of Pong as the panes are fed it, and small applications that hold one pane or view."""

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from genopt_tui.session.progress import Progress
from genopt_tui.task.rollout import Call, Picture, TraceStep
from genopt_tui.task.trace import CHUNK_STEPS
from genopt_tui.ui.messages import (
    BlameRequested,
    CandidateSelected,
    CommandRequested,
    CopyRequested,
    PictureRequested,
    ProposalEdited,
    TraceRequested,
    TraceStepSelected,
)
from genopt_tui.ui.panes.base import Pane
from genopt_tui.ui.panes.trace import TracePane
from genopt_tui.ui.state.snapshot import (
    EvidenceView,
    ProposalView,
    SessionInfo,
    Snapshot,
    TracePicture,
    TraceSlice,
    TraceSource,
    VersionView,
)
from genopt_tui.ui.widgets.line_view import LineView
from genopt_tui.ui.widgets.stream_view import StreamView

OLD = '''"""A policy for Pong."""


class Policy:
    def predict_ball(self, obs):
        """Where the ball will cross."""
        ball = obs["Ball"]
        return ball["y"]

    def select_action(self, target, paddle):
        if target > paddle + 4:
            return 3
        return 2 if target < paddle - 4 else 0

    def __call__(self, obs):
        return self.select_action(self.predict_ball(obs), obs["Player"]["y"])
'''
NEW = (
    OLD.replace(
        'return ball["y"]',
        'steps = (140 - ball["x"]) / max(1, ball["dx"])\n        return ball["y"] + steps',
    )
    + "\n\ndef reflect(y):\n    return y if 34 <= y <= 194 else 2 * 194 - y\n"
)
FILES = {"policy.py": NEW, "notes.md": "# Notes\n- plain\n"}
BEFORE = {**FILES, "policy.py": OLD}
REASON = "The paddle **lags** because `predict_ball` gives the present row.\n\n- time to the paddle\n- reflect at the walls"
HOSTILE = (
    "[/]",
    "[/foo]",
    "[link=http://x]y[/link]",
    "[@click=app.quit]z[/]",
    "[bold red]",
    "\x1b[2J\x1b]0;title\x07\x9b31m\x00\x07\r",
    "\u202egnp.exe\u2066 \u200b\ufeff \U000e0041",
    "日本語 👩\u200d👩\u200d👧 e\u0301\u0301\u0301",
    "$accent [$error] {x} %s \\[",
    "x" * 5000,
)
"""What a model, a trace or a file name may hold (the first ones end a Textual application that
reads markup)."""
NASTY = " ".join(HOSTILE)


def observed(i: int) -> dict[str, dict[str, int]]:
    return {
        "Player": {"x": 140, "y": 100 + i % 20, "w": 4, "h": 16},
        "Ball": {
            "x": (77 + 2 * i) % 160,
            "y": (112 - 3 * i) % 150 + 34,
            "w": 2,
            "h": 4,
            "dx": 2,
            "dy": -3,
        },
    }


def step(i: int) -> TraceStep:
    """Step `i`: a reward of -1 at 117, 235, ... and an error at every 300th."""
    error = "ZeroDivisionError: division by zero" if i % 300 == 299 else None
    calls = (
        Call("policy.Policy.__call__", {"obs": observed(i)}, 2 + i % 2),
        Call("policy.Policy.predict_ball", {"obs": observed(i)}, 112, error, 1),
    )
    return TraceStep(i, observed(i), 2 + i % 2, -1.0 if i % 118 == 117 else 0.0, {}, calls)


def picture(i: int) -> Picture:
    rows = [bytearray(160) for _ in range(210)]
    for ink, box in enumerate(observed(i).values(), 1):
        for y in range(box["y"], min(210, box["y"] + box["h"])):
            rows[y][box["x"] : box["x"] + box["w"]] = bytes([ink]) * len(
                rows[y][box["x"] : box["x"] + box["w"]]
            )
    return Picture(
        i, 160, 210, bytes([144, 72, 17, 92, 186, 92, 236, 236, 236]), zlib.compress(b"".join(rows))
    )


def evidence(**changes: Any) -> EvidenceView:
    part = {
        "repeat": 0,
        "status": "ok",
        "steps": 812,
        "shown": [[0, 399]],
        "cut": 0,
        "tokens": 1900,
    }
    sent = {
        "parts": [
            {**part, "example": "seed-1", "score": -21.0, "rollout": 1},
            {**part, "example": "seed-3", "score": -9.0, "rollout": 2, "cut": 3},
        ],
        "sections": [
            {"name": "objective", "tokens": 120},
            {"name": "evidence", "tokens": 3900, "cut": 3},
        ],
        "tokens": 6100,
        "budget": 32000,
        "estimated": True,
        "horizon": {"kind": "first", "steps": 400},
        "covers": {"trace": 400, "score": 812},
        "mean": -15.0,
    }
    messages = (
        {"role": "system", "content": "You improve."},
        {"role": "user", "content": "```python\nx = 1\n```"},
    )
    design = {
        "horizon": {"kind": "first", "steps": 400},
        "batch": {"size": 2, "sampling": "shuffled"},
    }
    return replace(EvidenceView(13, sent=sent, messages=messages, design=design), **changes)


def proposal(**changes: Any) -> ProposalView:
    scores = tuple(
        {"example": f"seed-{100 + i}", "score": 12.0 + i, "status": "ok"} for i in range(4)
    )
    view = ProposalView(
        13,
        0,
        label="13",
        text=f"{REASON}\n<<<<<<< SEARCH\n",
        reasoning=REASON,
        base=BEFORE,
        files=FILES,
        because=(("seed-3", 117),),
        expects=(("seed-3", "up"),),
        gate_size=10,
        gate_scores=scores,
        tree="t",
    )
    return replace(view, **changes)


def snapshot(**changes: Any) -> Snapshot:
    traces = tuple(
        TraceSource(n, f"seed-{s}", 0, 812, -9.0, "ok", ((0, 399),)) for n, s in ((1, 1), (2, 3))
    )
    whole = Snapshot(
        SessionInfo("pong", "pong"),
        progress=Progress(step=13, batch={"examples": [["seed-1", 0], ["seed-3", 0]]}, evidence={}),
        version=VersionView("c" * 40, "12", FILES, BEFORE, ("policy.py:Policy.predict_ball",)),
        evidence=evidence(),
        proposals=(proposal(),),
        traces=traces,
    )
    return replace(whole, **changes)


class Host(App[None]):
    """Holds one pane or view, keeps what it says, and answers what it asks for as the store does:
    with whole chunks of a trace."""

    CSS = "Screen > * { height: 1fr; border: none; }"

    def __init__(self, widget: Widget, first: Snapshot | None = None) -> None:
        super().__init__()
        self.widget, self.first = widget, first
        self.heard: list[Message] = []
        self.steps: Callable[[int], TraceStep] = step
        self.steps_of: Callable[[int, int], TraceStep] = lambda rollout, i: self.steps(i)
        self.picture: Callable[[int], Picture | None] = picture

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_mount(self) -> None:
        if isinstance(self.widget, Pane) and self.first is not None:
            self.widget.feed(self.first)
            self.widget.focus_inside()
        else:
            self.widget.focus()

    def on_trace_requested(self, message: TraceRequested) -> None:
        self.heard.append(message)
        first, last = (
            message.first // CHUNK_STEPS * CHUNK_STEPS,
            -(-(message.first + message.count) // CHUNK_STEPS) * CHUNK_STEPS,
        )
        assert isinstance(self.widget, TracePane)
        whole = max(
            (
                t.steps
                for t in (*self.widget.traces, *self.widget.marked_traces)
                if t.rollout == message.rollout
            ),
            default=0,
        )
        steps = [self.steps_of(message.rollout, i) for i in range(first, min(last, whole))]
        self.widget.receive(TraceSlice(message.rollout, first, steps))

    def on_picture_requested(self, message: PictureRequested) -> None:
        assert isinstance(self.widget, TracePane)
        self.widget.receive(TracePicture(message.rollout, message.step, self.picture(message.step)))

    def on_copy_requested(self, message: CopyRequested) -> None:
        self.heard.append(message)

    def on_command_requested(self, message: CommandRequested) -> None:
        self.heard.append(message)

    def on_proposal_edited(self, message: ProposalEdited) -> None:
        self.heard.append(message)

    def on_candidate_selected(self, message: CandidateSelected) -> None:
        self.heard.append(message)

    def on_blame_requested(self, message: BlameRequested) -> None:
        self.heard.append(message)

    @property
    def wanted(self) -> list[tuple[str, dict[str, Any]]]:
        """The commands that were wanted."""
        wanted = [m.command for m in self.heard if isinstance(m, CommandRequested)]
        return [(c.kind, json.loads(json.dumps(c.to_json()))) for c in wanted]

    def on_trace_step_selected(self, message: TraceStepSelected) -> None:
        self.heard.append(message)


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until no view has anything under way."""
    for _ in range(200):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        views = pilot.app.query(StreamView)
        if not any(w.is_running for w in pilot.app.workers) and all(
            v.stream.text == v.text for v in views
        ):
            return
        await pilot.pause(0.01)
    raise AssertionError("the views never came to rest")


def visible_lines(view: LineView) -> list[str]:
    """The text of the visible rows."""
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


def is_harmless(texts: Sequence[str]) -> bool:
    """Whether nothing that a terminal acts on is left."""
    return all(text.isprintable() for text in texts)
