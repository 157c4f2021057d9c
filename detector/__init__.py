"""What was done with the AWS root user, and what happened to MFA and the trail around it."""

__version__ = "0.1.0"
