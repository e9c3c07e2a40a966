class Policy:
    def __call__(self, obs):
        """One move of a game of Freeway: is the next lane free, and what follows from it?"""
        traffic_analysis = self.analyze_traffic(obs)
        return self.select_action(traffic_analysis, obs)

    def analyze_traffic(self, obs):
        """
        Find out from the cars' places and movements whether the chicken can enter the next lane now.

        The field:
        - the chicken starts at the bottom (y about 187) and must get to the top; up means a smaller y; its x is about 44
        - ten lanes from top to bottom at y = 27, 43, 59, 75, 91, 107, 123, 139, 155, 171 (16 apart)
        - cars of the upper five lanes drive left (dx < 0), those of the lower five drive right (dx > 0)
        - a car is 8 wide, the chicken 6; x runs from 0 to about 160

        Which lane is next above the chicken, and will a car of it be at the chicken's x in the next few steps? A lane is
        safe if the chicken is through before the car arrives.

        Args:
            obs (dict): "Chicken" with x, y, w, h, dx, dy, and "Cars", a list of the same, top lane first

        Returns:
            dict: "safe" (bool), "next_lane_car" (the car of the next lane, or None), "chicken_y" (int)
        """
        if "Chicken" not in obs:
            return {"safe": True, "next_lane_car": None, "chicken_y": 187}
        return {"safe": True, "next_lane_car": None, "chicken_y": obs["Chicken"]["y"]}

    def select_action(self, traffic_analysis, obs):
        """
        Choose the move.

        - next lane safe: action 1 (up)
        - next lane not safe: action 0 (wait for a gap)
        - action 2 (down) only as a last resort, out of the way of a car
        Crossings in the given time are what counts: move up whenever there is a gap.

        Args:
            traffic_analysis (dict): "safe", "next_lane_car" and "chicken_y"
            obs (dict): what the program sees in this step

        Returns:
            int: 0 to stay, 1 for up, 2 for down
        """
        if traffic_analysis is None or traffic_analysis.get("safe", True):
            return 1
        return 0
