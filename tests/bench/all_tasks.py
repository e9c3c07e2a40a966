"""One step of every bundled task to a decision, with a model server on loopback that proposes and
answers.

    python tests/bench/all_tasks.py [NAME-PART ...]

The two Kaggle tables are synthetic with the published columns; BBEH is read from GENOPT_BBEH_DIR,
else invented.
"""

import os
import sys
import tempfile
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "tasks")]

from decisions import DECIDED, bbeh, decide, kaggle  # noqa: E402

from genopt_tui.errors import GenoptError  # noqa: E402
from genopt_tui.task import loader  # noqa: E402


def main(parts: list[str]) -> int:
    """Run them; the number of tasks that came to no decision."""
    scratch = Path(tempfile.mkdtemp(prefix="all-tasks-"))
    os.environ["GENOPT_HOME"] = str(scratch / "home")
    names = [
        name for name in loader.list_tasks() if not parts or any(part in name for part in parts)
    ]
    if "GENOPT_BBEH_DIR" not in os.environ:
        bbeh(
            scratch / "bbeh",
            *(
                name.removeprefix("bbeh/")
                for name in loader.list_tasks()
                if name.startswith("bbeh/")
            ),
        )
        os.environ["GENOPT_BBEH_DIR"] = str(scratch / "bbeh")
    kaggle(scratch / "kaggle")
    os.environ["GENOPT_MLAGENTBENCH_DIR"] = str(scratch / "kaggle")
    failed = 0
    for number, name in enumerate(names):
        began = time.monotonic()
        pairs = ["task.steps=100"] if name.startswith("atari/") else []
        try:
            with redirect_stdout(StringIO()):
                decision = decide(name, f"s{number}", *pairs)
        except (AssertionError, GenoptError) as error:
            decision = f"none: {error}"
        failed += decision not in DECIDED
        print(f"{name:36} {decision:12} {time.monotonic() - began:5.1f} s", file=sys.stderr)
    print(f"{len(names) - failed} of {len(names)} came to a decision")
    return failed


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
