class Policy:
    """Goes to the nearest thing that gives points, unless an enemy is in its lane."""

    def __call__(self, obs):
        player = obs["Player"]
        danger = {
            enemy["y"] for enemy in obs.get("Enemies", []) if abs(enemy["x"] - player["x"]) < 50
        }
        wanted = [item for kind in ("Rewards", "Consumables") for item in obs.get(kind, [])]
        safe = [item for item in wanted if not any(abs(item["y"] - y) < 8 for y in danger)]
        if safe:
            item = safe[0]
            across = 2 if item["x"] > player["x"] else 3
            if abs(item["y"] - player["y"]) < 8:
                return across
            up = item["y"] < player["y"]
            return (5 if up else 7) if across == 2 else (6 if up else 8)
        if any(abs(player["y"] - y) < 8 for y in danger):
            return 1 if player["y"] > 90 and obs["lives"] else 4
        return 0
