"""What leaves a run for other tools and other people: one file per export, one module per kind."""
