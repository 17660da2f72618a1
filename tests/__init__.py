"""Tests mirror the packages, and run against the installed package."""
