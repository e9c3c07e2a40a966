"""What an error of a model's provider means: whether to try again, when, and what to tell the
person."""

import re
import socket
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from genopt_tui.errors import single_line
from genopt_tui.propose.base import RequestCost
from genopt_tui.propose.retry import TryError

NO_COST = RequestCost({"input": 0, "output": 0}, 0.0, estimated=False)
MAX_MESSAGE = 500  # characters of a provider's message
ADVICE = {
    400: "Change the parameters or the prompt, then resume",
    401: "Set the provider's key in the environment, and start the runner again",
    402: "See to the account at the provider, then resume",
    403: "The key may not use this model: set another model or key",
    404: "Check the model's name and api_base",
}
_PREFIX = re.compile(r"^(litellm\.\w+|(\w+ )?\w*(Error|Exception))\s*[:-]\s+")
_UNREACHABLE_ERRORS = (ConnectionRefusedError, socket.gaierror)


def to_try_error(error: Any, cost: RequestCost, *, stream_started: bool) -> TryError:
    """An error of litellm, or of the client below it, as a TryError. `spent` estimates what a reply
    cost that `began`.

    Status codes say more than the classes do: a wrong key may come as BadRequestError with status
    401. Errors of the
    connection come as status 500 too, with a made-up response.
    """
    status = int(getattr(error, "status_code", None) or 500)
    answered = not stream_started and find_response(error) is not None
    free = answered or any(isinstance(e, _UNREACHABLE_ERRORS) for e in _iterate_causes(error))
    what = f"{status}: " if answered else "the stream broke: " if stream_started else "no answer: "
    return TryError(
        what + extract_message(error),
        NO_COST if free else cost,
        is_retryable=status in {408, 409, 425, 429} or status >= 500,
        retry_after=parse_retry_after(error),
        advice=ADVICE.get(status, "Resume to try again, or set another model"),
    )


def ended_early(error: Any) -> bool:
    """Whether the stream came to a clean end, only too soon: newer versions of litellm raise an
    error then."""
    *_, root = _iterate_causes(error)
    return isinstance(root, StopIteration | StopAsyncIteration)


def extract_message(error: Any) -> str:
    """One line of what the provider said or, where it said nothing, of what its client did."""
    text = single_line(said_by_provider(error))
    if not text:
        text = single_line(str(getattr(error, "message", "") or error))
        while match := _PREFIX.match(text):  # names of classes
            text = text[match.end() :]
    *_, root = _iterate_causes(error)
    if isinstance(root, OSError) and root.strerror and root.strerror not in text:
        text = f"{text.rstrip('.')} ({root.strerror})"
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + " …"


def said_by_provider(error: Any) -> str:
    """The message in the provider's own answer; empty where there is none that can be read."""
    for each in _iterate_causes(error):
        if text := _message_in(getattr(each, "body", None)):
            return text
    response = find_response(error)
    try:
        return _message_in(response.json()) if response is not None else ""
    except (ValueError, RuntimeError):  # no JSON; or a stream that was never read
        return ""


def _message_in(body: Any) -> str:
    """The message of an error body, as providers nest it: {"error": {"message": …}}, {"error": …},
    {"message": …}."""
    if isinstance(body, Mapping):
        return next(
            (text for key in ("error", "message") if (text := _message_in(body.get(key)))), ""
        )
    return body if isinstance(body, str) else ""


def find_response(error: Any) -> Any:
    """The provider's own answer behind an error; None where there was none."""
    for each in _iterate_causes(error):
        response = getattr(each, "response", None)
        if response is not None and "date" in response.headers:
            return response
    return None


def parse_retry_after(error: Any) -> float | None:
    """Seconds the provider asks to wait."""
    response = find_response(error)
    value = response.headers.get("retry-after", "").strip() if response is not None else ""
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _iterate_causes(error: Any) -> Iterator[Any]:
    """An error and those that led to it."""
    while error is not None:
        yield error
        error = getattr(error, "original_exception", None) or error.__cause__ or error.__context__
