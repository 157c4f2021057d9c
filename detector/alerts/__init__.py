"""Findings of rules, ready to be written."""
