"""The context of a task's `run`: calls into the player, questions to the agent model, the trace."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, NoReturn

from genopt_tui.evaluate.player import ASK, FAILED, RESULT
from genopt_tui.evaluate.tracer import BadCalls, Tracer
from genopt_tui.evaluate.watchdog import Watchdog
from genopt_tui.evaluate.wire import ChannelClosed, WireError, pack
from genopt_tui.evaluate.zygote_client import PlayerHandle
from genopt_tui.task.rollout import Json, Limits, Status

AskHandler = Callable[[int, list[dict[str, str]], dict[str, Any]], None]


class RolloutEnded(BaseException):
    """The artifact ended its rollout. Not an Exception, so that a task's `except` does not catch
    it."""


class PlayerContext:
    """`Context` of the task contract over one live player. `status` and `error` tell how the
    artifact ended it, if it did."""

    def __init__(
        self,
        player: PlayerHandle,
        watchdog: Watchdog,
        limits: Limits,
        settings: Mapping[str, Json],
        seed: int,
        tracer: Tracer | None,
    ) -> None:
        self.settings, self.seed, self.traced = settings, seed, tracer is not None
        self.status: Status | None = None
        self.error = ""
        self.has_begun = False  # the player may have run code of the artifact
        self.player_lost = False  # the player ended without an answer
        self.calls = self.llm_calls = self.steps = 0
        self._player, self._watchdog, self._limits, self._tracer = player, watchdog, limits, tracer
        self._ask_handler: AskHandler = lambda n, messages, params: None
        self._begin_handler: Callable[[], None] = lambda: None
        self._question_counts: Counter[bytes] = Counter()
        self._digest = sha256()

    def set_ask_handler(self, ask: AskHandler) -> None:
        self._ask_handler = ask

    def set_begin_handler(self, handler: Callable[[], None]) -> None:
        """`handler` is called once, when the player has confirmed the artifact."""
        self._begin_handler = handler

    def send_artifact(self, artifact: Mapping[str, str]) -> None:
        """Send the player its artifact."""
        try:
            self._player.channel.send([self.seed, self.traced, dict(artifact)])
        except ChannelClosed:
            self.player_lost = True
            raise RolloutEnded from None

    def call(self, function: str, *arguments: Json) -> Json:
        if self.status or self.player_lost or self._watchdog.limit_hit:
            raise RolloutEnded
        self.calls += 1
        if self.calls > self._limits.calls:
            self._end_rollout("killed", f"more than {self._limits.calls} calls of the artifact")
        try:
            request = pack([function, list(arguments)])
        except WireError as error:
            raise TypeError(
                f"ctx.call({function!r}): an argument cannot be passed: {error}"
            ) from error
        channel = self._player.channel
        try:
            channel.send_packed(request)
            self.check_recorded_calls()  # while the player is busy
            if not self.has_begun:
                channel.receive()  # the player confirms the artifact
                self.has_begun = True
                self._begin_handler()
            answer = channel.receive()
            while type(answer) is list and len(answer) == 3 and answer[0] == ASK:
                channel.send(self._relay_question(answer[1], answer[2]))
                answer = channel.receive()
        except WireError as error:
            self._end_rollout("error", f"what {function} returned cannot be read: {error}")
        except ChannelClosed:
            self.player_lost = True
            raise RolloutEnded from None
        return self._read_answer(answer, function)

    def _read_answer(self, answer: Any, function: str) -> Json:
        try:
            kind, value, *rest = answer
            if self._player.channel.has_unread():
                raise ValueError("more than one answer")
            if self._tracer is not None:
                self._tracer.add_calls(rest[-1])
            if kind == RESULT:
                return value
            if kind == FAILED and value in ("error", "memory") and isinstance(rest[0], str):
                self._end_rollout(value, rest[0])
        except (TypeError, ValueError, IndexError):
            pass  # only a forged answer comes here
        return self._reject_forged()

    def _reject_forged(self) -> NoReturn:
        self._end_rollout(
            "error", "the artifact answered out of turn: it wrote to the player's channel"
        )

    def check_recorded_calls(self) -> None:
        """Check the recorded calls that still wait."""
        try:
            if self._tracer is not None:
                self._tracer.process_pending()
        except BadCalls:
            self._reject_forged()

    def _end_rollout(self, status: Status, error: str) -> NoReturn:
        self.status, self.error = status, error
        raise RolloutEnded

    def llm(self, prompt: str | list[dict[str, str]], **parameters: Json) -> str:
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        text, error = self._relay_question(messages, dict(parameters))
        if error:
            raise RuntimeError(error)
        return text

    def _relay_question(self, messages: Any, parameters: Any) -> list[str]:
        """Ask a question outside with the clock stopped: [text, error]."""
        if not is_valid_question(messages, parameters):
            return ["", "llm takes a text or a list of messages, each with role and content"]
        key = pack([messages, sorted(parameters.items())])
        n = self._question_counts[key]
        self._question_counts[key] += 1
        self.llm_calls += 1
        self._watchdog.pause()
        try:
            self._ask_handler(n, messages, parameters)
            answer = self._watchdog.answers.get()
        finally:
            self._watchdog.resume()
        return [answer["text"], answer["error"]]

    def step(
        self,
        observation: Json = None,
        action: Json = None,
        reward: float | None = None,
        **info: Json,
    ) -> None:
        self.steps += 1
        simple = (
            type(action) is int
            and type(reward) is float
            and -(2**63) <= action < 2**63
            and reward == reward
        )
        self._digest.update(
            pack([action, reward] if simple else [to_plain(action), to_plain(reward)])
        )
        if self._tracer is not None:
            self._tracer.step(observation, action, reward, info)

    def attach(self, picture: object, palette: object = None) -> None:
        if self._tracer is not None:
            self._tracer.attach(picture, palette)

    def compute_signature(self) -> str:
        """Digest of all actions and rewards; empty when no step was recorded."""
        return self._digest.hexdigest()[:32] if self.steps else ""


def to_plain(value: Any) -> Any:
    """`value` where it can be packed, else its type's name."""
    try:
        pack(value)
    except WireError:
        return type(value).__name__
    return None if isinstance(value, float) and math.isnan(value) else value


def is_valid_question(messages: Any, parameters: Any) -> bool:
    """Whether this is a list of chat messages and a table of parameters."""
    if not isinstance(messages, list) or not isinstance(parameters, dict):
        return False
    return all(
        isinstance(m, dict)
        and m
        and all(isinstance(k, str) and isinstance(v, str) for k, v in m.items())
        for m in messages
    ) and all(isinstance(key, str) for key in parameters)
