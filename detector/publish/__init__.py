"""Publishing: the lake as an Iceberg table, for everybody else's engine."""
