"""Where images come from, how they are split, and how their training part is corrupted for an experiment."""
