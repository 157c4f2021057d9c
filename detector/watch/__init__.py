"""Watch: alerts about log files as they arrive."""
