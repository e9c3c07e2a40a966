"""Space Invaders: shoot the aliens before they land, and do not get hit."""

from typing import Any

from atari_objects import Scene, SceneObject
from atari_play import Game, build_result, list_seed_examples, play_episodes

from genopt_tui.task.contract import Context, Example, Result

# Addresses in the console's memory
ALIENS_X, ALIENS_Y, ALIEN_ROWS = (
    26,
    16,
    18,
)  # six rows of one byte each, the lowest row first; a bit is an alien
PLAYER_X, SATELLITE_X, SHIELDS = 28, 30, 43  # three shields of nine bytes
BULLETS = ((83, 81), (84, 82), (87, 85))  # x and y; the last one is ours
ALIEN_SLOTS = tuple(f"alien {slot}" for slot in range(36))
SHIELD_TOP, SHIELD_HEIGHT = 157, 18
BULLET_TOP, BULLET_BOTTOM = 20, 195


class SpaceInvaders:
    """Player, Shield0.., Bullet0.., Satellite and Alien0.. from memory, each with place and
    movement.

    "paper": what the paper's programs saw, oddities included: a bullet appears a step late and
    disappears a step late,
    a new alien is at (0, 0) for a step, aliens seem to jump when the rightmost column is gone, a
    shield that is shot
    away keeps a place, and first movements are measured from the corner.
    "full": none of that, and `lives`.
    """

    def __init__(self, style: str) -> None:
        self._paper = style == "paper"
        self._scene = Scene()
        self._unshown_bullets: dict[
            int, tuple[int, int]
        ] = {}  # bullets not shown yet: where memory had them a step ago
        if self._paper:
            self._scene.put("player", 0, 185, 7, 10)
            for slot in ALIEN_SLOTS:
                self._scene.put(slot, 0, 0, 8, 10)
            for number in range(3):
                self._scene.put(f"shield {number}", 42 + 32 * number, SHIELD_TOP, 8, SHIELD_HEIGHT)
                self._scene.put(f"bullet {number}", 0, 0, 1, 10)

    def observe(self, memory: bytearray, lives: int) -> dict[str, Any]:
        scene = self._scene
        scene.begin_step()
        observation: dict[str, Any] = {
            "Player": scene.put("player", memory[PLAYER_X] - 1, 185, 7, 10).to_moving_box()
        }
        _add_numbered(observation, "Shield", self._update_shields(memory))
        _add_numbered(
            observation,
            "Bullet",
            self._update_delayed_bullets(memory) if self._paper else self._update_bullets(memory),
        )
        if memory[SATELLITE_X] not in (0, 180):
            observation["Satellite"] = scene.put(
                "satellite", memory[SATELLITE_X] - 1, 12, 7, 8
            ).to_moving_box()
        else:
            scene.remove("satellite")
        _add_numbered(
            observation,
            "Alien",
            self._update_aliens_by_slot(memory) if self._paper else self._update_aliens(memory),
        )
        if not self._paper:
            observation["lives"] = lives
        return observation

    def _update_shields(self, memory: bytearray) -> list[SceneObject]:
        shields = []
        upper, lower = 0, 16
        for number in range(3):
            rows = memory[SHIELDS + 9 * number : SHIELDS + 9 * number + 9]
            left = [index for index, row in enumerate(rows) if row]
            if left:
                upper, lower = 2 * left[0], 2 * (8 - left[-1])
            elif not self._paper:
                self._scene.remove(f"shield {number}")
                continue
            x, height = 42 + 32 * number, SHIELD_HEIGHT - upper - lower
            shields.append(self._scene.put(f"shield {number}", x, SHIELD_TOP + upper, 8, height))
        return shields

    def _update_bullets(self, memory: bytearray) -> list[SceneObject]:
        bullets = []
        for number, (x, y) in enumerate(_locate_bullets(memory)):
            if BULLET_TOP < y < BULLET_BOTTOM:
                bullets.append(
                    self._scene.put(f"bullet {number}", x, y, 1, min(10, BULLET_BOTTOM - 1 - y))
                )
            else:
                self._scene.remove(f"bullet {number}")
        return bullets

    def _update_delayed_bullets(self, memory: bytearray) -> list[SceneObject]:
        """Shown where memory has them now if they were in the field a step ago."""
        bullets = []
        for number, (x, y) in enumerate(_locate_bullets(memory)):
            name = f"bullet {number}"
            shown = self._scene.get(name)
            before = (shown.x, shown.y) if shown else self._unshown_bullets.get(number, (0, 0))
            if not BULLET_TOP < before[1] < BULLET_BOTTOM:
                self._unshown_bullets[number] = (0, 0) if shown else (x, y)
                self._scene.remove(name)
                continue
            height = shown.h if shown else 10
            if number < 2 and y < BULLET_BOTTOM - 1:
                height = BULLET_BOTTOM - 1 - y if y + height > BULLET_BOTTOM else 10
            bullets.append(self._scene.put(name, x, y, 1, height))
        return bullets

    def _update_aliens(self, memory: bytearray) -> list[SceneObject]:
        aliens = []
        for row, line in enumerate(_read_alien_rows(memory)):
            for column in range(6):
                name = ALIEN_SLOTS[6 * row + column]
                if line >> column & 1:
                    aliens.append(self._scene.put(name, *_locate_alien(memory, row, column), 8, 10))
                else:
                    self._scene.remove(name)
        return aliens

    def _update_aliens_by_slot(self, memory: bytearray) -> list[SceneObject]:
        """Slots are counted from the rightmost column that is left, so that they shift when it
        changes."""
        aliens = []
        lines = _read_alien_rows(memory)
        gone = 6 - max(lines).bit_length()
        for row, line in enumerate(lines):
            for place in range(6):
                name, column = ALIEN_SLOTS[6 * row + place], place - gone
                known = self._scene.get(name)
                if column < 0 or not line >> column & 1:
                    self._scene.remove(name)
                elif known is None:
                    aliens.append(self._scene.put(name, 0, 0, 8, 10))
                else:
                    aliens.append(self._scene.put(name, *_locate_alien(memory, row, column), 8, 10))
        return aliens


def _locate_bullets(memory: bytearray) -> list[tuple[int, int]]:
    return [(memory[x] - 2, 2 * memory[y] + 3) for x, y in BULLETS]


def _read_alien_rows(memory: bytearray) -> list[int]:
    """One number a row, top row first; bit 0 is the leftmost column."""
    return list(memory[ALIEN_ROWS : ALIEN_ROWS + 6][::-1])


def _locate_alien(memory: bytearray, row: int, column: int) -> tuple[int, int]:
    return memory[ALIENS_X] - 1 + 16 * column, 31 + 2 * memory[ALIENS_Y] + 18 * row


def _add_numbered(observation: dict[str, Any], name: str, things: list[SceneObject]) -> None:
    for number, thing in enumerate(things):
        observation[f"{name}{number}"] = thing.to_moving_box()


GAME = Game(
    "space_invaders",
    SpaceInvaders,
    {0: "stay", 1: "fire", 2: "right", 3: "left", 4: "right+fire", 5: "left+fire"},
)


def examples(split: str) -> list[Example]:
    return list_seed_examples(split)


def run(artifact: object, example: Example, ctx: Context) -> Result:
    episodes = play_episodes(GAME, ctx)
    hits = sum(len(episode.rewards) for episode in episodes)
    return build_result(GAME, episodes, f"Targets hit: {hits}.")
