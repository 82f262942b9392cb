"""Helpers of the tests: child processes, facts from the kernel, frames that show when they are torn."""
