"""One page about a lake that a person looks at."""
