"""Play the shipped demo to its end and hold every prompt that it builds against the recorded one.
Takes two minutes.

python tests/bench/demo.py
"""

import json
import os
import subprocess
import sys
import tempfile

from genopt_tui.session import places
from genopt_tui.session.journal import Journal
from genopt_tui.task import loader


def main() -> int:
    """Print how many of the prompts built are recorded to the letter; 1 where one is not."""
    folder = loader.find_task("atari/pong")
    recording = (folder.path / folder.task.demo).read_text(encoding="utf-8").splitlines()
    recorded = [json.loads(line)["messages"] for line in recording]
    with tempfile.TemporaryDirectory() as home:
        os.environ["GENOPT_HOME"] = home
        subprocess.run([sys.executable, "-m", "genopt_tui", "demo", "--headless"], check=True)
        journal = Journal(places.resolve_session("demo"), durable=False)
        built = [event.data["messages"] for event in journal.read_events(kinds=["prompt_built"])]
        journal.close()
    same = sum(messages in recorded for messages in built)
    print(f"{same} of {len(built)} prompts are recorded to the letter")
    return int(same < len(built) or not built)


if __name__ == "__main__":
    raise SystemExit(main())
