"""Pieces of a page, drawn from plain values."""
