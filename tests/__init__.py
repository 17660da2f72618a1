"""Tests mirror the packages. They run against the installed package, as ``pip install -r requirements-dev.txt`` leaves it."""
