class Policy:
    def __call__(self, obs):
        """
        One move of a game of Breakout.

        Predict the x coordinate at which the ball comes down to the paddle's line, from its position (x, y) and movement
        per step (dx, dy), with its bounces off the side walls.

        The field:
        - side walls at x=9 (left) and x=152 (right); the wall of bricks reflects the ball too
        - the paddle is at the bottom, at y=189
        - after bricks that give more points the ball is faster, and harder to catch
        - where the ball meets the paddle decides its new angle

        Decide where the middle of the paddle should be, to catch the ball at pre_ball_x and to send it to bricks that give more.

        - while the ball comes down (dy > 0), returning it comes first
        - rows from the top: red 7, orange 7, yellow 4, green 4, aqua 1, blue 1 points a brick
        - breaking low bricks opens ways to the rows above; a tunnel through the wall lets the ball bounce about above it,
          where the points are
        - weigh safe returns against aiming; the ball gets faster after the upper rows

        Choose the paddle's move by comparing its middle with the target.

        - middle greater than the target: action 3 (left)
        - middle less than the target: action 2 (right)
        - at the target, or no target: action 0 (stay)
        Keep the movement steady, so that the paddle does not swing past the ball when it is near.

        Args:
            obs (dict): what the program sees in this step

        Returns:
            int: the action
        """
        target = None
        if target is None or "Player" not in obs:
            return 0
        middle = obs["Player"]["x"] + obs["Player"]["w"] / 2
        if abs(middle - target) < 2:
            return 0
        return 3 if middle > target else 2
