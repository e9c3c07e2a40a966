class Policy:
    """Meets the ball; every number is a guess worth trying."""

    def __call__(self, obs):
        if "Ball" not in obs or "Player" not in obs:
            return 0
        return self.move(self.target(obs), obs)

    def target(self, obs):
        """The height to aim the middle of the paddle at."""
        ball = obs["Ball"]
        share = 0.0  # how much of the ball's remaining way to look ahead: 0 where it is, 1 where it will arrive
        aim = 6  # pixels below the ball's upper edge
        home = 100  # where to wait while the ball moves away
        follow = 0.8  # while it moves away: 0 waits at home, 1 goes with the ball
        top, bottom = 36, 192  # heights at which the ball bounces
        if ball["dx"] <= 0:
            return home + follow * (ball["y"] - home)
        y = ball["y"] + share * ball["dy"] * (140 - ball["x"]) / ball["dx"]
        if y < top:
            y = 2 * top - y
        if y > bottom:
            y = 2 * bottom - y
        return y + aim

    def move(self, target, obs):
        """Up, down or stay, given where the paddle glides to."""
        glide = 0.0  # share of its last movement that the paddle still makes
        near = 5  # pixels within which it stays
        middle = obs["Player"]["y"] + 7 + glide * obs["Player"]["dy"]
        if abs(middle - target) < near:
            return 0
        return 2 if middle > target else 3
