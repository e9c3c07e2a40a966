"""What is drawn anew: no more than what changed, and just what Textual would draw."""

from pathlib import Path

import pytest
from conftest import visit
from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip

from genopt_tui.ui.panes.base import Pane

SIZE = (160, 45)


def drawn(compositor: Compositor, region: Region) -> list[Strip | None]:
    """The pieces of lines that an update of `region` writes."""
    compositor._dirty_regions = {region}
    update = compositor.render_partial_update()
    assert isinstance(update, ChopsUpdate)
    return [
        strip
        for y, first, last in update.spans
        for (x, strip), end in zip(update.chops[y].items(), update.chop_ends[y], strict=True)
        if x < last and end > first
    ]


async def test_what_is_drawn_is_what_textual_draws(session: Path) -> None:
    async with visit(session, SIZE) as person:
        ours, plain = person.main._compositor, Compositor()
        plain.__dict__.update(vars(ours))
        for region in (
            Region(0, 0, 160, 1),
            Region(3, 4, 9, 1),
            Region(50, 2, 60, 30),
            Region(0, 40, 160, 5),
        ):
            pieces = drawn(ours, region)
            assert pieces == drawn(plain, region)
            assert all(pieces)
        assert [*map(str, ours.render_strips())] == [*map(str, plain.render_strips())]


async def test_a_line_asks_for_no_line_beside_it(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []
    lines = Pane.render_lines

    def render_lines(pane: Pane, crop: Region) -> list[Strip]:
        asked.append((pane.NAME, crop.height))
        return lines(pane, crop)

    async with visit(session, SIZE) as person:
        box = person.main.history_pane.region
        monkeypatch.setattr(Pane, "render_lines", render_lines)
        drawn(person.main._compositor, Region(box.x + 2, box.y + 2, box.width - 4, 1))
        assert asked == [("History", 1)]
