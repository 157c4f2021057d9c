"""The places that alerts go to: one small interface, `sink.Sink`, and a module for each kind of place."""
