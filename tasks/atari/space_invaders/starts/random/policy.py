import random


class Policy:
    def __call__(self, obs):
        """One move of a game of Space Invaders."""
        shoot = self.decide_shoot(obs)
        movement = self.decide_movement(obs)
        return self.combine_actions(shoot, movement)

    def decide_shoot(self, obs):
        """
        Decide whether to shoot.

        - bullets of the player have dy < 0, those of aliens dy > 0
        - aliens and satellite move: aim at where they will be when the bullet arrives
        - aliens with a larger y are nearer and come first

        Args:
            obs (dict): "Player", "Shield0".., "Alien0".., "Bullet0".. and "Satellite" with x, y, w, h, dx, dy

        Returns:
            bool: True to shoot
        """
        return random.choice([True, False])

    def decide_movement(self, obs):
        """
        Decide which way to move.

        - dodge the aliens' bullets (dy > 0); shields give cover, but wear off
        - get below aliens and the satellite to shoot them; they move, so reckon with their speed
        - aliens with a larger y come first
        - stay away from the edges of the screen

        Args:
            obs (dict): "Player", "Shield0".., "Alien0".., "Bullet0".. and "Satellite" with x, y, w, h, dx, dy

        Returns:
            int: -1 for left, 1 for right, 0 to stay
        """
        return random.choice([-1, 0, 1])

    def combine_actions(self, shoot, movement):
        """
        Combine shooting and moving into an action: 0 stay, 1 fire, 2 right, 3 left, 4 right and fire, 5 left and fire.

        Args:
            shoot (bool): whether to shoot
            movement (int): -1 for left, 1 for right, 0 to stay

        Returns:
            int: the action, 0 to 5
        """
        if movement > 0:
            return 4 if shoot else 2
        if movement < 0:
            return 5 if shoot else 3
        return 1 if shoot else 0
