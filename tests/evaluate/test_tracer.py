"""Traces as the judge collects them: pictures exact and by step, and nothing from a tampered player
believed."""

import zlib
from typing import Any

import msgpack
import numpy as np
import pytest

from genopt_tui.evaluate.tracer import NO_CALLS, BadCalls, Tracer
from genopt_tui.task import pictures
from genopt_tui.task.rollout import Picture


def shown(kept: list[Picture]) -> Any:
    """The last of these pictures as rows of red, green, blue."""
    first = max(i for i, each in enumerate(kept) if pictures.is_keyframe(each))
    picture = pictures.decode_last(kept[first:])
    palette = np.frombuffer(picture.palette, np.uint8).reshape(-1, 3)
    return palette[np.frombuffer(zlib.decompress(picture.pixels), np.uint8)].reshape(
        picture.height, picture.width, 3
    )


@pytest.mark.parametrize("shape", [(20, 16, 3), (7, 5, 3)])
def test_pictures_are_kept_exactly_where_they_changed(shape: tuple[int, int, int]) -> None:
    random, tracer = np.random.default_rng(0), Tracer()
    image: Any = np.zeros(shape, np.uint8)
    wanted = {}
    for step in range(30):
        tracer.step(None, None, None, {})
        if step % 3:
            image[random.integers(shape[0]), random.integers(shape[1])] = (
                random.integers(0, 4, 3) * 80
            )
        tracer.attach(image)
        wanted[step] = image.copy()
        image[0, 0] = 0  # the task goes on with the same array
    tracer.finish()
    kept = tracer.picture_encoder.pictures
    for step, picture in wanted.items():
        assert (shown([p for p in kept if p.step <= step]) == picture).all()
    assert len(kept) < 30


@pytest.mark.parametrize("shape", [(20, 16), (7, 5)])
def test_pictures_by_numbers_of_colours(shape: tuple[int, int]) -> None:
    random, tracer = np.random.default_rng(0), Tracer()
    palette = random.integers(0, 256, (256, 3)).astype(np.uint8)
    image: Any = np.zeros(shape, np.uint8)
    wanted = {}
    for step in range(40):
        tracer.step(None, None, None, {})
        if step % 3:
            image[random.integers(shape[0]), random.integers(shape[1])] = random.integers(0, 256)
        if step == 20:
            palette = palette[::-1].copy()  # the same numbers, other colours
        tracer.attach(image, palette)
        wanted[step] = palette[image]
    tracer.finish()
    for step, picture in wanted.items():
        assert (
            shown([p for p in tracer.picture_encoder.pictures if p.step <= step]) == picture
        ).all()
    assert len(tracer.picture_encoder.pictures) < 35


def test_most_pictures_say_only_what_changed_and_few_are_read_for_any() -> None:
    tracer = Tracer()
    image: Any = np.zeros((20, 16), np.uint8)
    palette: Any = np.stack([np.arange(256, dtype=np.uint8)] * 3, axis=1)
    for step in range(100):
        tracer.step(None, None, None, {})
        image[step // 16, step % 16] = 7
        tracer.attach(image, palette)
    tracer.finish()
    kept = tracer.picture_encoder.pictures
    assert [i for i, each in enumerate(kept) if pictures.is_keyframe(each)] == [0, 32, 64, 96]
    assert all((shown(kept[: i + 1])[..., 0] > 0).sum() == i + 1 for i in range(100))


def test_the_latest_picture_of_a_step_counts() -> None:
    tracer = Tracer()
    image: Any = np.zeros((20, 16), np.uint8)
    palette: Any = np.zeros((256, 3), np.uint8)
    palette[:, 0] = range(256)
    for step in range(3):
        tracer.step(None, None, None, {})
        for again in range(2):
            image[step, again] = 9
            tracer.attach(image, palette)
    tracer.finish()
    assert [each.step for each in tracer.picture_encoder.pictures] == [0, 1, 2]
    assert (shown(tracer.picture_encoder.pictures)[..., 0] == image).all()


def test_more_than_256_colours_of_changing_palettes() -> None:
    tracer = Tracer()
    numbers: Any = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for red in (0, 100):
        palette: Any = np.zeros((256, 3), np.uint8)
        palette[:, 0], palette[:, 1] = red, range(256)
        tracer.step(None, None, None, {})
        tracer.attach(numbers, palette)
    tracer.finish()
    assert [len(p.palette) // 3 for p in tracer.picture_encoder.pictures] == [256, 256]
    assert abs(shown(tracer.picture_encoder.pictures).astype(int)[..., 0] - 100).max() < 40


def test_more_than_256_colours_are_rounded() -> None:
    tracer = Tracer()
    tracer.attach(np.arange(40 * 40 * 3, dtype=np.uint16).reshape(40, 40, 3).astype(np.uint8) * 7)
    tracer.finish()
    (picture,) = tracer.picture_encoder.pictures
    assert len(picture.palette) == 3 * 256 and shown([picture]).shape == (40, 40, 3)


@pytest.mark.parametrize(
    "picture", [np.zeros((3, 3), np.uint8), np.zeros((3, 3, 3)), "picture", None]
)
def test_what_is_no_picture_is_refused_at_once(picture: object) -> None:
    with pytest.raises(ValueError, match="height x width x 3"):
        Tracer().attach(picture)


@pytest.mark.parametrize(
    ("picture", "palette"),
    [
        (np.zeros((3, 3), np.uint8), np.zeros((3, 4), np.uint8)),
        (np.zeros((3, 3), np.uint8), np.zeros((3, 3))),
        (np.full((3, 3), 7, np.uint8), np.zeros((7, 3), np.uint8)),
        (np.zeros((3, 3, 3), np.uint8), np.zeros((7, 3), np.uint8)),
    ],
)
def test_a_palette_that_does_not_fit_is_refused(picture: object, palette: object) -> None:
    with pytest.raises(ValueError, match="palette"):
        Tracer().attach(picture, palette)


def call(*fields: object) -> bytes:
    packed: bytes = msgpack.packb(list(fields))
    return packed


GOOD = call("act", {"x": 1}, 2, None, 0)


def test_calls_are_added_up() -> None:
    calls = NO_CALLS.add([1, 1, GOOD]).add([0, 1, call("f", {}, None, "ValueError", 1)])
    assert (calls.cut, calls.number, calls.failed) == (1, 2, True)
    assert len(msgpack.unpackb(calls.pack())) == 2


@pytest.mark.parametrize(
    "sent",
    [
        None, [], [0, 1], [0, 1, "text"], [0, 2, GOOD], [0, 1, GOOD + b"x"], [0, 1, b""], [0, 70000, GOOD], [-1, 1, GOOD],
        [0, 1, call("act", {}, 1, None)], [0, 1, call(1, {}, 1, None, 0)], [0, 1, call("act", [], 1, None, 0)],
        [0, 1, call("act", {}, 1, 5, 0)], [0, 1, call("act", {}, 1, None, "0")], [0, 1, bytes([0xC1])],
    ],
)  # fmt: skip
def test_forged_calls_are_refused(sent: object) -> None:
    with pytest.raises(BadCalls):
        NO_CALLS.add(sent)
