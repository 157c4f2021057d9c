"""Tests of detector.sources; a package, so that mypy tells its conftest from the one above."""
