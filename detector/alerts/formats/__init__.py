"""Alerts in the formats that others read."""
