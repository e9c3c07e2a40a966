"""Checking a model's name, key or program before anything is spent on it."""

import os
import shlex
import shutil
from difflib import get_close_matches
from pathlib import Path

from genopt_tui.config import SessionSettings
from genopt_tui.errors import UsageError

KEY_VARIABLES = {
    "anthropic": ("ANTHROPIC_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "xai": ("XAI_API_KEY",),
}
"""Keys of the common providers: checked without importing litellm. Any one suffices."""
ADDRESS_VARIABLES = ("{}_API_BASE", "{}_BASE_URL")
WITHOUT_SERVICE = ("manual", "search")


def check_models(settings: SessionSettings) -> None:
    """Raises UsageError where the model that proposes, or the agent model, cannot be asked here."""
    for setting in ("model", "agent_model"):
        if model := getattr(settings, setting):
            check_model(model, settings)


def check_model(model: str, settings: SessionSettings) -> None:
    """Raises UsageError for an unknown provider, a missing key, program or recording."""
    kind, _, rest = model.partition(":")
    if model in WITHOUT_SERVICE:
        return
    if kind == "command":
        check_program(rest)
    elif kind == "replay":
        if Path(rest).is_absolute() and not Path(rest).is_file():
            raise UsageError(f"{model}: no such file", advice="Give a file of recorded replies")
    elif not settings.api_base and not {"api_base", "api_key"} & settings.params.keys():
        check_provider(model)


def check_program(line: str) -> None:
    """Raises UsageError unless the first word of a command line can be run."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"command:{line}", str(error), "Quote it as for a shell") from error
    if not words:
        raise UsageError("command: names no program", advice="For example command:my-agent --print")
    if not shutil.which(words[0]):
        raise UsageError(
            f"command:{line}",
            f"no program '{words[0]}' on the PATH",
            "Install it, or give its path",
        )


def check_provider(model: str) -> None:
    """Raises UsageError where litellm does not know the provider, or its key is not set."""
    provider = model.partition("/")[0]
    if provider in KEY_VARIABLES and "/" in model:
        names = [*KEY_VARIABLES[provider]]
        addresses = [name.format(provider.upper()) for name in ADDRESS_VARIABLES]
        if not any(os.environ.get(name) for name in (*names, *addresses)):
            raise missing_key(model, names)
        return
    from genopt_tui.propose.litellm_client import load_litellm

    litellm = load_litellm()
    try:
        provider = litellm.get_llm_provider(model)[1]
    except litellm.exceptions.BadRequestError as error:
        close = get_close_matches(provider, [str(p.value) for p in litellm.provider_list], 1)
        raise UsageError(
            f"model {model}",
            "litellm knows no such provider",
            f"Did you mean {close[0]}/...?" if close else "Write PROVIDER/NAME, as in openai/NAME",
        ) from error
    missing = litellm.validate_environment(model)["missing_keys"]
    names = [name for name in missing if name.endswith("_KEY")]
    if names and not any(os.environ.get(name) for name in KEY_VARIABLES.get(provider, ())):
        raise missing_key(model, names)


def missing_key(model: str, names: list[str]) -> UsageError:
    return UsageError(
        f"model {model}", f"{' or '.join(names)} is not set", "Set it, or give --set api_base=URL"
    )
