class Policy:
    """Leaves the line of fire, else goes below the lowest alien and shoots."""

    def __call__(self, obs):
        here = obs["Player"]["x"]
        things = {
            kind: [t for name, t in obs.items() if name.startswith(kind)]
            for kind in ("Bullet", "Alien", "Shield")
        }
        for bullet in things["Bullet"]:
            if bullet["dy"] > 0 and abs(bullet["x"] - here - 3) < 8 and bullet["y"] > 120:
                return 2 if bullet["x"] < here + 3 else 3
        if not things["Alien"]:
            return 0
        target = max(things["Alien"], key=lambda alien: (alien["y"], alien["x"]))
        ahead = target["x"] + 4 + 6 * target["dx"] - here
        covered = any(shield["x"] - 2 < here < shield["x"] + 8 for shield in things["Shield"])
        fire = not covered and not any(bullet["dy"] < 0 for bullet in things["Bullet"])
        if "Satellite" in obs and fire:
            return 1
        if abs(ahead) < 4:
            return 1 if fire else 0
        return (4 if fire else 2) if ahead > 0 else (5 if fire else 3)
