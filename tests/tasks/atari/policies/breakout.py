class Policy:
    """Follows the ball, a little off the middle while the wall is whole."""

    def __call__(self, obs):
        ball, paddle = obs.get("Ball"), obs["Player"]
        if ball is None:
            return 0
        whole = sum(brick["w"] for row in ("RB", "OB") for brick in obs.get(row, [])) == 288
        target = (
            ball["x"]
            + (3 if whole and obs["lives"] % 2 else 0)
            + (ball["dx"] if ball["dy"] > 0 else 0)
        )
        missing = target - (paddle["x"] + paddle["w"] // 2)
        return 0 if abs(missing) < 3 else 2 if missing > 0 else 3
