"""Rules as data: SQL files with metadata, the engine that runs them, the checks that prove them."""
