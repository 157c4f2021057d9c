"""Detect: rules over events, alerts out."""
