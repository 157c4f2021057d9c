"""Verify: what AWS signed about a trail, against what lies there."""
