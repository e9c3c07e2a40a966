"""The learning curve names the tips of branches, and no mark gives way to a name."""

from genopt_tui.ui.screens.plot import Point, draw_curve
from genopt_tui.ui.widgets.line_source import to_plain_text


def test_name_is_drawn_on_free_cells() -> None:
    tip = Point(1, 5.0, 5.0, 5.0, "o", "good", "main")
    train = [Point(step, 5.0, 5.0, 5.0, "+", "number") for step in range(2, 10)]
    low = Point(9, 0.0, 0.0, 0.0, "x", "dim")
    rows = [to_plain_text(line) for line in draw_curve([tip, *train, low], 37, 6)]
    assert rows[0].count("+") == 8 and "main" not in rows[0]
    assert rows[1].index("main") == rows[0].index("o") + 2


def test_name_at_the_right_edge_is_drawn_to_the_left() -> None:
    rows = [
        to_plain_text(line)
        for line in draw_curve([Point(3, 1.0, 1.0, 1.0, "o", "good", "aim")], 20, 6)
    ]
    assert rows[0].rstrip().endswith("aim o")
