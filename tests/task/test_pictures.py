"""Pictures that say what changed: brought up to date exactly, and refused where they are
damaged."""

import zlib

import numpy as np
import pytest

from genopt_tui.task import pictures
from genopt_tui.task.rollout import Picture


@pytest.mark.parametrize(
    ("width", "height", "kind"), [(16, 20, "u4"), (5, 7, "u1"), (600, 500, "u4"), (300, 300, "u1")]
)
@pytest.mark.parametrize("changed", [1, 900])
def test_a_run_is_told_exactly(width: int, height: int, kind: str, changed: int) -> None:
    random = np.random.default_rng(0)
    data = random.integers(0, 256, width * height).astype(np.uint8)
    run = [Picture(0, width, height, b"p", pictures.encode_keyframe(data))]
    for step in range(1, 4):
        words = data.view(kind)
        places = np.unique(random.integers(0, len(words), changed))
        words[places] = random.integers(0, 200, len(places))
        run.append(
            Picture(
                step, width, height, b"q", pictures.encode_delta(places, words[places], len(words))
            )
        )
    told = pictures.decode_last(run)
    assert (told.step, told.palette, zlib.decompress(told.pixels)) == (3, b"q", data.tobytes())
    assert pictures.decode_last(run[:1]) is run[0]
    assert [pictures.is_keyframe(each) for each in run] == [True, False, False, False]


@pytest.mark.parametrize(
    "damaged", [b"\0", b"\0\0", b"\1\4not zlib", b"\0\4" + bytes(3), b"\0\4" + b"\xff" * 6]
)
def test_damage_is_said_and_never_worse(damaged: bytes) -> None:
    first = Picture(0, 4, 4, b"p", pictures.encode_keyframe(bytes(16)))
    try:
        told = pictures.decode_last([first, Picture(1, 4, 4, b"p", damaged)])
    except ValueError as error:
        assert "damaged" in str(error)
    else:
        assert len(zlib.decompress(told.pixels)) == 16


def test_changes_without_a_whole_picture_are_damage() -> None:
    with pytest.raises(ValueError, match="damaged"):
        pictures.decode_last([Picture(1, 4, 4, b"p", b"\0\4" + bytes(6))])
