"""Q*bert: hop on every cube of the pyramid, and neither meet an enemy nor jump off."""

from typing import Any

from atari_objects import Scene
from atari_play import Game, build_result, list_seed_examples, play_episodes

from genopt_tui.task.contract import Context, Example, Result

# Addresses in the console's memory
PLAYER_X, PLAYER_Y, FALLING, FALL_Y = 43, 67, 59, 33
COILY_X, COILY_ROW, BOUNCE, HATCHED = 71, 39, 56, 119
ENEMY_COLUMNS, LIVES, TICK, GREEN_SIGN, SAM_SIGN = 75, 8, 74, 103, 105
DISKS = ((112, 12), (122, 140))  # byte and x
DISK_Y = 138
NOBODY = 255
CUBES = (
    21,
    52,
    54,
    83,
    85,
    87,
    98,
    100,
    102,
    104,
    1,
    3,
    5,
    7,
    9,
    32,
    34,
    36,
    38,
    40,
    42,
)  # colours, row by row
CUBE_X = (
    (68,),
    (56, 84),
    (44, 68, 96),
    (32, 56, 84, 108),
    (20, 44, 68, 96, 120),
    (8, 32, 56, 84, 108, 132),
)
CUBE_Y = (34, 62, 91, 120, 149, 178)
LOWEST_ROW = 5
ROUND = 99  # counted from 0; after the last of TARGETS the last four come again
TARGETS = (
    26,
    148,
    4,
    26,
    214,
    26,
    26,
    86,
    162,
    10,
    26,
    148,
    148,
    26,
    10,
    152,
    148,
    100,
    86,
    26,
)  # colour of a right cube


class Qbert:
    """Player, Enemies and Friendlies (with type), Disks and lives from memory.

    Memory tells of balls and Sam only when one is born; then they fall a row with every tick, which
    is counted here.
    "paper" leaves the cubes out, as the paper's programs had it; "full" gives Cubes: place, row,
    column and colour (a number), and
    TargetColor, the colour they all must have (the console shows it in the score's digits).
    """

    def __init__(self, style: str) -> None:
        self._paper = style == "paper"
        self._scene = Scene()
        if self._paper:
            self._scene.put("Player", 78, 103, 8, 20)
        self._coily = (0, 0)  # x and row a step ago
        self._rows = {
            "PurpleBall": -1,
            "GreenBall": -1,
            "Sam": -1,
        }  # rows fallen since birth; -1: not there
        self._last_bytes = {LIVES: 2, TICK: 0, GREEN_SIGN: 0, SAM_SIGN: 0}  # last values

    def observe(self, memory: bytearray, lives: int) -> dict[str, Any]:
        self._scene.begin_step()
        self._update_player(memory)
        self._update_coily(memory)
        self._update_falling(memory)
        observation: dict[str, Any] = {}
        if player := self._scene.get("Player"):
            observation["Player"] = player.to_moving_box()
        if enemies := self._list_objects("Coily", "PurpleBall"):
            observation["Enemies"] = enemies
        if friendlies := self._list_objects("GreenBall", "Sam"):
            observation["Friendlies"] = friendlies
        if disks := [{"x": x, "y": DISK_Y, "w": 8, "h": 2} for byte, x in DISKS if memory[byte]]:
            observation["Disks"] = disks
        if not self._paper:
            observation["Cubes"] = _list_cubes(memory)
            observation["TargetColor"] = TARGETS[min(memory[ROUND], len(TARGETS) - 1)]
        observation["lives"] = lives
        return observation

    def _list_objects(self, *kinds: str) -> list[dict[str, Any]]:
        return [
            {**thing.to_moving_box(), "type": kind}
            for kind in kinds
            if (thing := self._scene.get(kind))
        ]

    def _update_player(self, memory: bytearray) -> None:
        y = memory[PLAYER_Y]
        if not 16 < y < 210:
            self._scene.remove("Player")
        elif memory[FALLING] == NOBODY:
            known = self._scene.get("Player")
            self._scene.put("Player", known.x if known else 78, memory[FALL_Y] - 52, 8, 20)
        else:
            lift = 8 if y < 70 else 7 if y < 100 else 6
            self._scene.put("Player", memory[PLAYER_X] - 3, y - lift, 8, 20)

    def _update_coily(self, memory: bytearray) -> None:
        row = memory[COILY_ROW]
        if row == NOBODY:
            self._scene.remove("Coily")
            self._coily = (0, 0)
            return
        x, before = self._coily
        if row != before:
            x = _compute_enemy_x(memory[COILY_X])
        self._coily = (x, row)
        lift, height = _find_coily_shape(memory[BOUNCE])
        self._scene.put("Coily", x, 30 * row + lift, 8, height)

    def _update_falling(self, memory: bytearray) -> None:
        if self._has_changed(memory, LIVES):
            self._last_bytes[TICK] = memory[TICK]
            for kind in self._rows:
                self._rows[kind] = -1
                self._scene.remove(kind)
        elif memory[TICK]:
            if self._has_changed(memory, TICK):
                self._rows = {
                    kind: row + 1 if row >= 0 else row for kind, row in self._rows.items()
                }
            self._update_green_ball(memory)
            self._update_purple_ball(memory)
            self._update_sam(memory)

    def _update_green_ball(self, memory: bytearray) -> None:
        rows = self._rows
        if self._has_changed(memory, GREEN_SIGN):
            if memory[GREEN_SIGN] == 17:
                rows["GreenBall"] = 0
        elif rows["GreenBall"] >= LOWEST_ROW:
            rows["GreenBall"] = -1
        if not 0 <= rows["GreenBall"] < LOWEST_ROW:
            self._scene.remove("GreenBall")
            return
        row = rows["GreenBall"]
        column = memory[ENEMY_COLUMNS + row]
        if self._is_touching_player(_compute_enemy_x(column), 30 * (row + 1) + 7 - row, 9):
            self._scene.remove("Sam")
            row = rows["GreenBall"] = -1
            column = memory[ENEMY_COLUMNS - 1]
        self._put_ball("GreenBall", column, row, memory[BOUNCE])

    def _update_purple_ball(self, memory: bytearray) -> None:
        rows = self._rows
        if memory[HATCHED]:
            rows["PurpleBall"] = -1
            self._scene.remove("PurpleBall")
        elif rows["PurpleBall"] < 0 and self._scene.get("Coily") is None:
            rows["PurpleBall"] = 0
        elif rows["PurpleBall"] >= LOWEST_ROW:
            rows["PurpleBall"] = -1
        row = rows["PurpleBall"]
        if not 0 <= row < LOWEST_ROW:
            self._scene.remove("PurpleBall")
        elif row == rows["GreenBall"]:
            rows["PurpleBall"] = -1
        else:
            self._put_ball("PurpleBall", memory[ENEMY_COLUMNS + row], row, memory[BOUNCE])

    def _update_sam(self, memory: bytearray) -> None:
        rows = self._rows
        if self._has_changed(memory, SAM_SIGN) and memory[SAM_SIGN] == 6:
            rows["Sam"] = 0
        row = rows["Sam"]
        if 0 <= row < LOWEST_ROW:
            x, y = _compute_enemy_x(memory[ENEMY_COLUMNS + row]), 30 * (row + 1) + 12 - row
            if self._is_touching_player(x, y, 7):
                rows["Sam"] = -1
                self._scene.remove("Sam")
            else:
                self._scene.put("Sam", x, y, 8, 18)
        else:
            self._scene.remove("Sam")
            rows["Sam"] = -1

    def _put_ball(self, kind: str, column: int, row: int, bounce: int) -> None:
        low = bounce < 7
        self._scene.put(
            kind,
            _compute_enemy_x(column) + 1,
            30 * (row + 1) + (23 if low else 9) - row,
            7,
            6 if low else 9,
        )

    def _is_touching_player(self, x: int, y: int, reach: int) -> bool:
        player = self._scene.get("Player")
        return player is not None and abs(x - player.x) < reach and abs(y - player.y) < reach

    def _has_changed(self, memory: bytearray, byte: int) -> bool:
        changed = self._last_bytes[byte] != memory[byte]
        self._last_bytes[byte] = memory[byte]
        return changed


def _find_coily_shape(bounce: int) -> tuple[int, int]:
    """How far below its row Coily is drawn, and how high it is, by the phase of its bounce."""
    if bounce > 8 or bounce == 1:
        return 6, 21
    if bounce > 6 or bounce in (0, 2, 3):
        return 9, 18
    return 11, 16


def _compute_enemy_x(column: int) -> int:
    """Columns are 12 pixels apart, with an extra pixel for each of the first two and four after the
    sixth."""
    return 12 * (column + 1) + min(column + 1, 2) + (4 if column >= 6 else 0)


def _list_cubes(memory: bytearray) -> list[dict[str, int]]:
    places = [(row, column, x) for row, xs in enumerate(CUBE_X) for column, x in enumerate(xs)]
    return [
        {
            "x": x,
            "y": CUBE_Y[row],
            "w": 20,
            "h": 5,
            "row": row,
            "column": column,
            "color": memory[byte],
        }
        for (row, column, x), byte in zip(places, CUBES, strict=True)
    ]


GAME = Game("qbert", Qbert, {0: "stay", 1: "fire", 2: "up", 3: "right", 4: "left", 5: "down"})


def examples(split: str) -> list[Example]:
    return list_seed_examples(split)


def run(artifact: object, example: Example, ctx: Context) -> Result:
    episodes = play_episodes(GAME, ctx)
    return build_result(
        GAME, episodes, f"Rewarded steps: {sum(len(episode.rewards) for episode in episodes)}."
    )
