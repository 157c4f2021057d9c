"""Scan: the rules straight over raw logs."""
