"""Ingest: log files into the lake."""
