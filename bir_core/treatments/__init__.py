"""Ways to repair the base model once the suspects are known, one file per published method: Case -> Outcome."""
