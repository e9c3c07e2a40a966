import random


class Policy:
    def __call__(self, obs):
        """
        One move of a game of Space Invaders.

        Decide whether to shoot.

        - bullets of the player have dy < 0, those of aliens dy > 0
        - aliens and satellite move: aim at where they will be when the bullet arrives
        - aliens with a larger y are nearer and come first

        Decide which way to move.

        - dodge the aliens' bullets (dy > 0); shields give cover, but wear off
        - get below aliens and the satellite to shoot them; they move, so reckon with their speed
        - aliens with a larger y come first
        - stay away from the edges of the screen

        Combine shooting and moving into an action: 0 stay, 1 fire, 2 right, 3 left, 4 right and fire, 5 left and fire.

        Args:
            obs (dict): what the program sees in this step

        Returns:
            int: the action
        """
        shoot = random.choice([True, False])
        movement = random.choice([-1, 0, 1])
        if movement > 0:
            return 4 if shoot else 2
        if movement < 0:
            return 5 if shoot else 3
        return 1 if shoot else 0
