"""The Parquet lake: parts on disk, and the ledger that says which of them count."""
