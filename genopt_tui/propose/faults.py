"""What an error of a model's provider means: whether to try again, when, and what to tell the person."""

import re
from collections.abc import Mapping
from typing import Any

from genopt_tui.errors import single_line
from genopt_tui.propose.retry import Fault

NOTHING = {"usage": {"input": 0, "output": 0}, "cost": 0.0}
ADVICE = {
    400: "Change the model's parameters, or the prompt, and resume",
    401: "Set the provider's key in the environment, and start the runner again",
    402: "See to the account at the provider, and resume",
    403: "The key may not use this model: set another model or key",
    404: "Check the model's name and api_base",
}


def as_fault(error: Any, began: bool, spent: Mapping[str, Any]) -> Fault:
    """An error of litellm (or of the client below it) as a Fault; `spent` estimates what a broken reply cost.

    Status codes say more than the classes of litellm do: a wrong key may come as BadRequestError with status 401.
    """
    status = int(getattr(error, "status_code", None) or 500)
    refused = not began and response_of(error) is not None
    return Fault(
        describe(error, status if refused else None),
        again=status in {408, 409, 425, 429} or status >= 500,
        after=retry_after(error),
        advice=ADVICE.get(status, "Resume to try again, or set another model"),
        **(NOTHING if refused else spent),
    )


def describe(error: Any, status: int | None) -> str:
    """One line of what the provider said, without litellm's own prefixes."""
    text = single_line(str(getattr(error, "message", "") or error))
    text = re.sub(r"litellm\.\w+: |(\w+Exception|\w+Error) - ", "", text)
    text = text[:500]
    return f"{status}: {text}" if status else text


def response_of(error: Any) -> Any:
    """The provider's own answer behind an error; None where there was none (litellm makes one up)."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None and "date" in response.headers:
            return response
        error = getattr(error, "original_exception", None) or error.__cause__ or error.__context__
    return None


def retry_after(error: Any) -> float | None:
    """Seconds the provider asks to wait."""
    response = response_of(error)
    value = response.headers.get("retry-after", "") if response is not None else ""
    return float(value) if value.replace(".", "", 1).isdigit() else None
