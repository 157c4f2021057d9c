"""The guide's questions about root, MFA and the trail, answered for each account: with a date, a proof, and unknown."""
