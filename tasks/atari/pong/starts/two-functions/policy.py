import random


class Policy:
    def __call__(self, obs):
        """One move of a game of Pong: where will the ball arrive, and which way must the paddle go?"""
        predicted_ball_y = self.predict_ball_trajectory(obs)
        return self.select_action(predicted_ball_y, obs)

    def predict_ball_trajectory(self, obs):
        """
        Predict the y coordinate at which the ball crosses the line of our paddle, from the ball's position (x, y)
        and movement per step (dx, dy), with its bounces off the upper and lower wall.

        The field:
        - the ball bounces off the upper wall at y=30 and off the lower wall at y=190
        - our paddle ("Player") is on the right, at x=140; the opponent's ("Enemy") on the left, at x=16

        Args:
            obs (dict): the objects "Player", "Ball" and "Enemy", each a dictionary with x, y (upper left corner),
                w, h (size) and dx, dy (pixels moved since the previous step). An object out of play is missing.

        Returns:
            The predicted y coordinate (a number), or None while the ball's position is unknown.
        """
        if "Ball" in obs:
            return obs["Ball"].get("y", None)
        return None

    def select_action(self, predicted_ball_y, obs):
        """
        Choose the paddle's move by comparing where it is with where the ball will arrive.

        - paddle's y greater than predicted_ball_y: action 2 (y gets smaller, up on the screen)
        - paddle's y less than predicted_ball_y: action 3 (y gets larger, down on the screen)
        - paddle already at the right height: action 0 (stay)
        Keep the movement steady, so that the paddle does not swing past the ball when it is near.

        Args:
            predicted_ball_y (float | None): where the ball will arrive
            obs (dict): the objects "Player", "Ball" and "Enemy" with integers x, y, w, h, dx, dy

        Returns:
            int: 0 to stay, 2 to move up, 3 to move down
        """
        if predicted_ball_y is not None and "Player" in obs:
            return random.choice([2, 3])
        return 0
