"""The loop doctor: findings about what would mislead."""
