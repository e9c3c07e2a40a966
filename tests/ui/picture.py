"""`python tests/ui/picture.py SESSION`: draw the picture of the README from a real session that
waits for a decision."""

import asyncio
import sys
from pathlib import Path

from conftest import Visit

from genopt_tui.ui.app import GenoptApp
from genopt_tui.ui.widgets.diff_view import DiffView

PICTURE = Path(__file__).with_name("main-screen.svg")


async def draw(session: Path) -> None:
    """The main screen with a reward in the trace and the cursor on the first hunk."""
    app = GenoptApp(session)
    async with app.run_test(size=(160, 45)) as pilot:
        person = Visit(app, pilot)
        await person.until(
            lambda: app.main is not None and person.main.snapshot.is_complete, "loaded"
        )
        await person.until(lambda: person.main.query_one(DiffView).ready, "the edit is shown")
        await person.press("3", "right_square_bracket", "5", "right_square_bracket")
        await person.until(lambda: person.still, "all is drawn")
        PICTURE.write_text(app.export_screenshot(title="genopt"), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(draw(Path(sys.argv[1]).resolve()))
