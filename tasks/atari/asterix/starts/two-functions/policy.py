import random


class Policy:
    def __call__(self, obs):
        """One move of a game of Asterix: what is around, and where to go?"""
        situation = self.analyze_situation(obs)
        return self.select_action(situation, obs)

    def analyze_situation(self, obs):
        """
        Find the best thing to collect, and the dangers near the player.

        The field:
        - eight lanes at y = 26, 42, 58, 74, 90, 106, 122, 138 (16 apart); x runs from 0 to 152
        - things move sideways, at most one a lane; the player moves in eight directions
        - a consumable gives 50 points or more, a reward gives more; touching an enemy costs a life
        - an enemy in the same lane is a danger only when it is near (within about 30 pixels; nearer than 20 it is urgent)

        What to go for depends on its distance, its kind, the danger in its lane, and whether it is in the player's own lane.

        Args:
            obs (dict): "Player" with x, y; "Enemies", "Consumables" and "Rewards", lists of x, y, type with the nearest first
                (missing when empty); "lives"; "reward"

        Returns:
            dict: "nearest_item" (what to go for, or None), "player_x", "player_y", "dangerous_lanes" (their y),
                "approaching_enemies" (the urgent ones, or None)
        """
        player = obs.get("Player", {"x": 76, "y": 74})
        items = obs.get("Consumables", []) + obs.get("Rewards", [])
        return {
            "nearest_item": items[0] if items else None,
            "player_x": player["x"],
            "player_y": player["y"],
            "dangerous_lanes": [],
            "approaching_enemies": None,
        }

    def select_action(self, situation, obs):
        """
        Choose the move: towards the item, away from enemies.

        Actions: 0 stay, 1 up, 2 right, 3 left, 4 down, 5 up and right, 6 up and left, 7 down and right, 8 down and left.

        - an enemy comes near in the player's lane: change to a safe lane next to it, if possible towards the item
        - item in the same lane: move sideways to it; in another lane: move diagonally, which is faster
        - a reward that is very near may be worth a little danger

        Args:
            situation (dict): what analyze_situation found
            obs (dict): what the program sees in this step

        Returns:
            int: the action, 0 to 8
        """
        if situation is None or situation.get("nearest_item") is None:
            return 0
        return random.choice([1, 2, 3, 4, 5, 6, 7, 8])
