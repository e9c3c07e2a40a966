class Policy:
    """Follows the ball; every number is a guess worth trying."""

    def __call__(self, obs):
        if "Ball" not in obs or "Player" not in obs:
            return 0
        return self.move(self.target(obs), obs)

    def target(self, obs):
        """The height to aim the middle of the paddle at."""
        lead = 0.0  # steps to look ahead along the ball's movement
        offset = 10  # pixels below the ball's upper edge
        return obs["Ball"]["y"] + offset + lead * obs["Ball"]["dy"]

    def move(self, target, obs):
        """Up, down or stay, given where the paddle glides to."""
        glide = 0.0  # share of its last movement that the paddle still makes
        near = 16  # pixels within which it stays
        wake = 60  # the ball's x from which on it moves at all
        middle = obs["Player"]["y"] + 7 + glide * obs["Player"]["dy"]
        if obs["Ball"]["x"] < wake or abs(middle - target) < near:
            return 0
        return 2 if middle > target else 3
