import random


class Policy:
    def __call__(self, obs):
        """One move of a game of Seaquest: what is around, and what to do about it?"""
        situation = self.analyze_situation(obs)
        return self.select_action(situation, obs)

    def analyze_situation(self, obs):
        """
        Find the nearest enemy and diver, and decide whether to surface.

        The game:
        - the submarine moves everywhere below the surface (y about 46) and shoots the way it faces
        - sharks and submarines cross from both sides; submarines fire missiles; touching any of them costs a life
        - divers swim by: touching one takes it aboard; six of them brought to the surface give a bonus
        - oxygen runs out below the surface: surface in time, with a diver aboard at least; an empty tank costs a life

        Args:
            obs (dict): "Player" with x, y, w, h, dx, dy; "Enemies" (with type Shark, Submarine or EnemyMissile) and "Divers",
                lists of the same (missing when empty); "lives"; "reward"

        Returns:
            dict: "player_x", "player_y", "nearest_enemy" (or None), "nearest_diver" (or None), "should_surface" (bool)
        """
        player = obs.get("Player", {"x": 76, "y": 46})
        return {
            "player_x": player["x"],
            "player_y": player["y"],
            "nearest_enemy": None,
            "nearest_diver": None,
            "should_surface": False,
        }

    def select_action(self, situation, obs):
        """
        Choose the action: 0 stay, 1 fire, 2 up, 3 right, 4 left, 5 down, 6 up and right, 7 up and left, 8 down and right,
        9 down and left, and with fire: 10 up, 11 right, 12 left, 13 down, 14 up and right, 15 up and left, 16 down and right,
        17 down and left.

        - face an enemy in the same lane and fire; keep out of the way of enemies and missiles
        - go to divers when the way is free
        - go up to the surface when oxygen is low, or with six divers aboard

        Args:
            situation (dict): what analyze_situation found
            obs (dict): what the program sees in this step

        Returns:
            int: the action, 0 to 17
        """
        if situation is None:
            return 0
        return random.choice([2, 3, 4, 5, 11, 12])
