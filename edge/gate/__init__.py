"""The hand: the process that holds the vault, compares, decides, and moves the lane. It has no eyes and no network."""
