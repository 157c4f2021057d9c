"""What a rule found, ready to be written."""
