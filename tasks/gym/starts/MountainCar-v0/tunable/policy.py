class Policy:
    def __call__(self, obs):
        place, speed = obs
        middle = -0.2  # the place from which on the rule pushes right
        by_place = 1.0  # weight of the distance to it
        by_speed = 4.0  # weight of the speed
        push = by_place * (place - middle) + by_speed * speed
        return 2 if push > 0 else 0
