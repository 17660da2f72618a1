"""Networks, each an ordered list of named layer groups."""
