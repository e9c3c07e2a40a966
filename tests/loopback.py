"""A model's provider on the loopback address: a real HTTP server that speaks the OpenAI chat
protocol, and its faults.

    with Provider([Refuse(429), Say("hello")]) as provider:
        ...  # api_base=provider.url, model="openai/anything"
    assert len(provider.requests) == 2

Answers are given in order; the last one is repeated. A function from request to answer serves where
order is not known.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

PIECE = 12  # characters


@dataclass(frozen=True)
class Say:
    """A reply, streamed in pieces `gap` seconds apart (`text` may be the pieces), after `after`
    seconds of silence.

    `end`: `whole`; `reset` (the connection is reset after the text), `early` (it ends cleanly,
    without a reason), `cut` (the
    connection is closed within a chunk), `stall` (nothing more comes until the client or the server
    goes). `usage` is
    (input, output) tokens; None reports none. `raw` is sent as it is instead of the events. `hold`:
    nothing follows the
    first piece before it is set.
    """

    text: str | Sequence[str] = ""
    thinking: str = ""
    finish_reason: str | None = "stop"
    usage: tuple[int, int] | None = (100, 20)
    end: Literal["whole", "reset", "early", "cut", "stall"] = "whole"
    gap: float = 0.0
    after: float = 0.0
    raw: bytes = b""
    hold: threading.Event | None = None


@dataclass(frozen=True)
class Refuse:
    """An error response. `hang_up` closes the connection without any."""

    status: int = 500
    message: str = "scripted"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    hang_up: bool = False


Answer = Say | Refuse


@dataclass
class Request:
    """What the server received. `gone`: the client left before the answer was whole."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    at: float
    answer: Answer | None = None
    gone: bool = False

    @property
    def messages(self) -> list[dict[str, str]]:
        return list(self.body["messages"])


class Provider:
    """The server. `requests` is its log, oldest first."""

    def __init__(
        self, answers: Sequence[Answer] | Callable[[Request], Answer] = (Say("hello"),)
    ) -> None:
        self.requests: list[Request] = []
        self._answers = answers
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.provider = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def received(self, request: Request) -> Answer:
        """Log a request and choose its answer."""
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
        if callable(self._answers):
            request.answer = self._answers(request)
        else:
            request.answer = self._answers[min(number, len(self._answers) - 1)]
        return request.answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    provider: Provider

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, *_: object) -> None:
        """Standard error belongs to the tests."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        request = Request(self.path, dict(self.headers), body, time.monotonic())
        answer = self.server.provider.received(request)
        try:
            if isinstance(answer, Refuse):
                self._refuse(answer)
            elif body.get("stream"):
                self._stream(answer, body)
            else:
                self._whole(answer, body)
        except (BrokenPipeError, ConnectionResetError):
            request.gone = True
            self.close_connection = True

    def _refuse(self, answer: Refuse) -> None:
        if answer.hang_up:
            self._reset()
            return
        data = answer.body
        if data is None:
            data = json.dumps(
                {"error": {"message": answer.message, "type": "scripted", "code": None}}
            ).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json" if answer.body is None else "text/html")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _whole(self, answer: Say, body: Mapping[str, Any]) -> None:
        text = "".join(answer.text)
        message = {"role": "assistant", "content": text}
        data = {
            **self._head(body),
            "object": "chat.completion",
            "usage": _usage(answer.usage or (0, 0)),
        }
        data["choices"] = [{"index": 0, "message": message, "finish_reason": answer.finish_reason}]
        content = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, answer: Say, body: Mapping[str, Any]) -> None:
        self._wait(answer.after)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        if answer.raw:
            self._chunk(answer.raw)
        else:
            self._events(answer, body)
        if answer.end == "stall":
            self._until_gone()
        elif answer.end == "reset":
            self._reset()
        elif answer.end == "cut":
            self.wfile.write(b"40\r\ndata: {")
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _events(self, answer: Say, body: Mapping[str, Any]) -> None:
        for kind, text in (("reasoning_content", answer.thinking), ("content", answer.text)):
            pieces = (
                [text[i : i + PIECE] for i in range(0, len(text), PIECE)]
                if isinstance(text, str)
                else text
            )
            for piece in pieces:
                self._delta(body, {kind: piece})
                self._wait(answer.gap)
                self._held(answer.hold)
        if answer.end != "whole":
            return
        self._delta(body, {}, answer.finish_reason)
        if answer.usage and (body.get("stream_options") or {}).get("include_usage"):
            self._event({**self._head(body), "choices": [], "usage": _usage(answer.usage)})
        self._chunk(b"data: [DONE]\n\n")

    def _delta(
        self, body: Mapping[str, Any], delta: Mapping[str, str], reason: str | None = None
    ) -> None:
        self._event(
            {**self._head(body), "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        )

    def _head(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": body.get("model", ""),
        }

    def _event(self, data: Mapping[str, Any]) -> None:
        self._chunk(b"data: " + json.dumps(data).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _wait(self, seconds: float) -> None:
        if seconds and self.server.provider.stopping.wait(seconds):
            raise ConnectionResetError

    def _held(self, hold: threading.Event | None) -> None:
        """Wait until the test lets the answer go on."""
        while hold and not hold.wait(0.02):
            if self.server.provider.stopping.is_set():
                raise ConnectionResetError

    def _until_gone(self) -> None:
        """Hold the connection until the client leaves."""
        self.connection.settimeout(0.02)
        while not self.server.provider.stopping.is_set():
            try:
                if not self.connection.recv(1):
                    break
            except TimeoutError:
                continue
        raise ConnectionResetError

    def _reset(self) -> None:
        """End the connection with a reset, not a close."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


def _usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
