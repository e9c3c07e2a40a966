class Policy:
    """Hops down one edge and back, along the rows, and away from an enemy that is near."""

    def __call__(self, obs):
        player = obs.get("Player")
        if player is None or player["dx"] or player["dy"]:
            return 0
        x, y = player["x"], player["y"]
        near = [e for e in obs.get("Enemies", []) if abs(e["x"] - x) < 30 and abs(e["y"] - y) < 34]
        if near and near[0]["y"] > y and y > 40:
            return 4 if near[0]["x"] > x else 2
        if y > 160:
            return 2 if x < 90 else 4
        if obs.get("Friendlies") and obs["Friendlies"][0]["x"] > x:
            return 3
        return 3 if (x // 12 + obs["lives"]) % 2 else 5
