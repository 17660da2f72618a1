"""One module per form in which people keep labelled images; each reads it as a stream of entries."""
