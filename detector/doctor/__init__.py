"""What a source is, and what one may do with it, before it is read."""
