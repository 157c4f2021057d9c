"""Where alerts go: one small interface, `sink.Sink`, and a module for each kind of place."""
