"""Pure mathematics on tensors and arrays."""
