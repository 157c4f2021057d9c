"""The same work with other tools, as a user would write it. Each module is a program: arguments are paths."""
