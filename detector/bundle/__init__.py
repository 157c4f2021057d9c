"""Bundle: what a lake's alerts rest on, in a bag that anybody can check."""
