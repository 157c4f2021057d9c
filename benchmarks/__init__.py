"""What detector costs, beside what others cost for the same work: `python -m benchmarks` from the project root."""
