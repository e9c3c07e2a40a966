class Policy:
    """Shoots at what is in its lane, takes divers aboard, and comes up now and then."""

    def __call__(self, obs):
        player = obs.get("Player")
        if player is None:
            return 0
        enemies = [e for e in obs.get("Enemies", []) if e["type"] != "EnemyMissile"]
        shots = [e for e in obs.get("Enemies", []) if e["type"] == "EnemyMissile"]
        if any(abs(s["y"] - player["y"]) < 10 and abs(s["x"] - player["x"]) < 40 for s in shots):
            return 2
        if player["y"] < 50:
            return 5
        level = [e for e in enemies if abs(e["y"] - player["y"]) < 9]
        if level:
            return 11 if level[0]["x"] > player["x"] else 12
        targets = obs.get("Divers", []) + enemies
        if not targets:
            return 1
        nearest = min(targets, key=lambda t: abs(t["x"] - player["x"]) + abs(t["y"] - player["y"]))
        if abs(nearest["y"] - player["y"]) > 4:
            return 13 if nearest["y"] > player["y"] else 10
        return 3 if nearest["x"] > player["x"] else 4
