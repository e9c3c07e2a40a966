"""What the application loads, and when: nothing heavy at all, and before its first content only
what that needs."""

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

from sample import make_session

NEVER = [
    "litellm",
    "datasets",
    "gymnasium",
    "ale_py",
    "pandas",
    "torch",
    "sklearn",
    "numpy",
    "pydantic",
    "git",
]
NOT_BEFORE = ["jinja2", "pygments", "genopt_tui.ui.screens.main"]
VISIT = """
import sys
from pathlib import Path
from genopt_tui.ui import app

def loaded(names):
    return ",".join(sorted(n for n in names if n in sys.modules))

early, late = sys.argv[2].split(","), sys.argv[3].split(",")
begin = app.GenoptApp._begin

def first(self):
    found["early"] = loaded(early)
    begin(self)
    self.set_interval(0.05, self.look)

def look(self):
    if self.main.snapshot.loaded:
        found["late"] = loaded(late)
        self.exit(0)

found = {}
app.GenoptApp._begin, app.GenoptApp.look = first, look
app.run_app(Path(sys.argv[1]))
print("EARLY[" + found["early"] + "]LATE[" + found["late"] + "]")
"""


def said_by(session: Path) -> str:
    """What the visit above prints, in a terminal of its own."""
    main, side = pty.openpty()
    arguments = [
        sys.executable,
        "-c",
        VISIT,
        str(session),
        ",".join(NEVER + NOT_BEFORE),
        ",".join(NEVER),
    ]
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        arguments, stdin=side, stdout=side, stderr=side, env=environment, start_new_session=True
    )
    os.close(side)
    seen = b""
    while b"]LATE[" not in seen:
        ready, _, _ = select.select([main], [], [], 60)
        assert ready, seen[-500:]
        seen += os.read(main, 65536)
    process.wait()
    os.close(main)
    return seen.decode("utf-8", "replace").rpartition("EARLY")[2]


def test_nothing_heavy_is_loaded_and_little_before_the_first_content(tmp_path: Path) -> None:
    assert said_by(make_session(tmp_path)).startswith("[]LATE[]")
