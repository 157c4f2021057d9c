"""From the bytes of one log file to an Arrow table, and back to its records."""
