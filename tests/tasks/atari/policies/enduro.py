class Policy:
    """Accelerates, and steers away from the nearest car."""

    def __call__(self, obs):
        cars = [
            car
            for car in obs.get("EnemyCars", [])
            if -50 < car["rel_y"] < 12 and abs(car["rel_x"]) < 22
        ]
        if cars and obs["nearest_enemy_rel_y"] < 12:
            return 7 if cars[0]["rel_x"] <= 0 else 8
        return 1
