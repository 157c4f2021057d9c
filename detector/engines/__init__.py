"""Where tasks run: in worker processes of this machine, or on an engine that somebody else runs."""
