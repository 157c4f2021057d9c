"""The ledger of a lake: one table a module."""
