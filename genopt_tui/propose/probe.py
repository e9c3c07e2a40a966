"""`python -m genopt_tui.propose.probe MODEL`: ask a model one short question, and print how its
answer begins, or why there is none."""

import asyncio
import sys
import tempfile
from pathlib import Path

from genopt_tui.config import SessionSettings
from genopt_tui.errors import GenoptError, UsageError, single_line
from genopt_tui.propose.factory import create_agent_model_client

QUESTION = [{"role": "user", "content": "Answer with the one word: ok"}]
MAX_SHOWN = 80
"""Characters of the answer."""


async def probe_model(model: str) -> str:
    """What the model says, on one line. Raises GenoptError."""
    settings = SessionSettings.from_user_defaults().model_copy(
        update={"agent_model": model}, deep=True
    )
    settings.retry.tries = 1
    with tempfile.TemporaryDirectory() as folder:
        agent = create_agent_model_client(settings, Path(folder))
        if agent is None:
            raise UsageError("no model is named")
        try:
            answer = await agent.answer(QUESTION, {})
        finally:
            await agent.close()
    return single_line(answer.text.strip())[:MAX_SHOWN] or "an empty text"


def main() -> int:
    """0 and the answer, or 1 and what went wrong, on one line."""
    try:
        print(f"answers: {asyncio.run(probe_model(sys.argv[1]))}")
    except GenoptError as error:
        print(f"failed: {single_line(str(error))}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
