class Policy:
    """Meets the ball where it will arrive."""

    def __call__(self, obs):
        ball, paddle = obs.get("Ball"), obs["Player"]
        target = 105.0
        if ball and ball["dx"] > 0:
            target = ball["y"] + 2 + ball["dy"] * (140 - ball["x"]) / ball["dx"]
            while not 36 <= target <= 192:
                target = 72 - target if target < 36 else 384 - target
        missing = target - (paddle["y"] + 7 + 0.4 * paddle["dy"])
        return 0 if abs(missing) < 5 else 3 if missing > 0 else 2
