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
        bullets = [thing for name, thing in obs.items() if name.startswith("Bullet")]
        if any(bullet["dy"] < 0 for bullet in bullets):
            return False  # only one of ours can be in the air
        middle = obs["Player"]["x"]
        aliens = [thing for name, thing in obs.items() if name.startswith("Alien")]
        return any(alien["y"] > 60 and abs(alien["x"] - middle) < 5 for alien in aliens)

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
        here = obs["Player"]["x"]

        def side(kind, counts):
            """Which side has more of a kind: -1 left, 1 right, 0 neither."""
            places = [thing["x"] for name, thing in obs.items() if name.startswith(kind) and counts(thing)]
            left = sum(1 for x in places if x < here)
            right = len(places) - left
            return (right > left) - (left > right)

        danger = side("Bullet", lambda bullet: bullet["dy"] > 0)
        return -danger if danger else side("Alien", lambda alien: True)

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
