"""Ways to score the training samples, one file per published method: Evidence -> Detected, higher = more suspect."""
