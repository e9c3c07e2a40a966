class Policy:
    def __call__(self, obs):
        """
        One move of a race.

        Decide from the other cars' places whether to steer, and to which side.

        - the screen is about 160 wide; your car is near x=77, y between 135 and 145; cars are about 16 wide
        - other cars come from ahead (smaller y) towards you; the road bends and shifts all of them
        - a point for each car overtaken, minus one for each that overtakes you; a collision takes the speed, so avoid it
        - steer away from a car that is near to the side: to the left when its rel_x > 0, to the right when its rel_x < 0
        - react only to cars near enough to hit; swerving early leads to worse collisions

        Choose the action: 0 coast, 1 accelerate, 2 right, 3 left, 4 brake, 5 brake and right, 6 brake and left,
        7 right and accelerate, 8 left and accelerate.

        - speed is what overtakes: 1, 7 and 8 keep it, all others lose it
        - to dodge, steer and accelerate at once (7, 8) rather than steer alone or brake

        Args:
            obs (dict): what the program sees in this step

        Returns:
            int: the action
        """
        if "Player" in obs and "nearest_enemy_rel_x" in obs:
            sideways, ahead = obs["nearest_enemy_rel_x"], obs["nearest_enemy_rel_y"]
            if abs(ahead) < 25 and abs(sideways) < 18:
                return 8 if sideways > 0 else 7
        return 1
