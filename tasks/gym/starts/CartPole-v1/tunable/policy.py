class Policy:
    def __call__(self, obs):
        place, speed, angle, turning = obs
        by_place = 0.0  # weight of the cart's place
        by_speed = 0.0  # weight of the cart's speed
        by_angle = 1.0  # weight of the pole's angle
        by_turning = 0.0  # weight of the speed of that angle
        push = by_place * place + by_speed * speed + by_angle * angle + by_turning * turning
        return 1 if push > 0 else 0
