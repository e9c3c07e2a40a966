import random


class Policy:
    def __call__(self, obs):
        """
        One move of a game of Pong: predict where the ball crosses the line of our paddle, and move the paddle there.

        Predict that y coordinate from the ball's position (x, y) and movement per step (dx, dy), with its bounces
        off the upper and lower wall.

        The field:
        - the ball bounces off the upper wall at y=30 and off the lower wall at y=190
        - our paddle ("Player") is on the right, at x=140; the opponent's ("Enemy") on the left, at x=16

        Then choose the move by comparing the paddle's y with the predicted one:
        - paddle's y greater than the predicted y: action 2 (y gets smaller, up on the screen)
        - paddle's y less than the predicted y: action 3 (y gets larger, down on the screen)
        - paddle already at the right height, or the ball's position unknown: action 0 (stay)
        Keep the movement steady, so that the paddle does not swing past the ball when it is near.

        Args:
            obs (dict): the objects "Player", "Ball" and "Enemy", each a dictionary with x, y (upper left corner),
                w, h (size) and dx, dy (pixels moved since the previous step). An object out of play is missing.

        Returns:
            int: 0 to stay, 2 to move up, 3 to move down
        """
        if "Ball" in obs and "Player" in obs:
            return random.choice([2, 3])
        return 0
