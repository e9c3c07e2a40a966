"""The Atari 2600 emulator behind a small interface: seed, act, memory, screen."""

from typing import Any

import ale_py
import numpy as np
import numpy.typing as npt
from ale_py import roms

FRAMES_PER_STEP = 4
MEMORY_BYTES = 128
ROWS, COLUMNS = 210, 160  # of the screen
COLOURS = 256  # numbers of colours; the console uses the even ones
Pixels = npt.NDArray[np.uint8]

ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)  # or its banner lands on standard error


class Emulator:
    """One game with its own random number generator.

    `memory` holds the console's 128 bytes after each act; it is a bytearray because reading
    single bytes of it gives plain integers, several times faster than from an array and without
    wrap-around.
    """

    def __init__(self, rom: str, *, seed: int, sticky: float) -> None:
        self.memory = bytearray(MEMORY_BYTES)
        self._view: Pixels = np.frombuffer(self.memory, dtype=np.uint8)
        self._ale: Any = ale_py.ALEInterface()
        self._ale.setInt("random_seed", seed % 2**31)
        self._ale.setFloat("repeat_action_probability", sticky)
        self._ale.setInt("frame_skip", FRAMES_PER_STEP)
        self._ale.loadROM(roms.get_rom_path(rom))
        self._actions = tuple(self._ale.getMinimalActionSet())
        self._ale.getRAM(self._view)
        self._palette: Pixels = np.zeros(
            (COLOURS, 3), dtype=np.uint8
        )  # as far as screens have shown it
        self._known_colours = b""  # numbers of colours that screens have shown
        self._last_screen: npt.NDArray[np.int64] = np.full(
            ROWS * COLUMNS // 8, -1, dtype=np.int64
        )  # the screen before, in words; no screen at first

    @property
    def actions(self) -> int:
        """How many actions the game knows; they are numbered from 0."""
        return len(self._actions)

    def reset(self) -> None:
        """Start a new game; the random number generator runs on."""
        self._ale.reset_game()
        self._ale.getRAM(self._view)

    def act(self, action: int) -> float:
        """Hold `action` for four frames (with stickiness, each frame may repeat the last one); the
        points it gave."""
        reward: float = self._ale.act(self._actions[action])
        self._ale.getRAM(self._view)
        return reward

    def is_over(self) -> bool:
        finished: bool = self._ale.game_over()
        return finished

    def lives(self) -> int:
        left: int = self._ale.lives()
        return left

    def screen(self) -> tuple[Pixels, Pixels]:
        """The picture on the screen: 210 x 160 numbers of colours, and the colours they stand for,
        256 x 3.

        The emulator gives its numbers in a thirtieth of the time it takes for colours, so these are
        asked for only
        where a number is new.
        """
        picture: Pixels = np.empty((ROWS, COLUMNS), dtype=np.uint8)
        self._ale.getScreen(picture)
        words = picture.reshape(-1).view(np.int64)
        changed = words[words != self._last_screen]
        self._last_screen = words
        if changed.tobytes().translate(None, self._known_colours):
            self._extend_palette(picture)
        return picture, self._palette

    def _extend_palette(self, picture: Pixels) -> None:
        """Take the colours of all numbers in the present picture into the palette."""
        colours: Pixels = np.empty((ROWS, COLUMNS, 3), dtype=np.uint8)
        self._ale.getScreenRGB(colours)
        self._palette[picture] = colours
        self._known_colours = bytes({*self._known_colours, *picture.tobytes()})
