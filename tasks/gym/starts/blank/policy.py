class Policy:
    def __call__(self, obs):
        return 0
