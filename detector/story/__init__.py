"""Root sessions told as stories: what led to each, what was done in it, and what followed."""
