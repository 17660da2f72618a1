"""Tests of the dashboard without a browser, and of its server."""
