"""Print the events and replies of a journal as JSON lines, also those in compressed blocks.

    python -m genopt_tui.session.journal SESSION/.genopt/journal.db

`sqlite3` shows the tables `command`, `reply`, `rollout` and `event` as text, except that prompts
and other long `event.data` are compressed and that rows of old steps lie in `block`. Here
everything is text, one object a line: {"table": "event", "row", "at", "step", "kind", ...} and
{"table": "reply", ...}.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from genopt_tui.session.journal import Journal, journal_path


def read_rows(journal: Journal) -> Iterator[dict[str, Any]]:
    """Events in order, each `reply_finished` followed by its reply."""
    for event in journal.read_events():
        yield {"table": "event", "row": event.id, **event.to_dict()}
        if event.kind == "reply_finished":
            for reply in journal.read_replies(event.step):
                if reply.id == event.data["reply"]:
                    yield {"table": "reply", **asdict(reply)}


def main(arguments: list[str]) -> int:
    database = Path(arguments[0]) if len(arguments) == 1 else Path()
    session = database.parent.parent
    if not database.is_file() or journal_path(session) != database:
        print("usage: python -m genopt_tui.session.journal SESSION/.genopt/journal.db")
        return 2
    journal = Journal(session, durable=False)
    for row in read_rows(journal):
        print(json.dumps(row, ensure_ascii=False))
    journal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
