"""The benchmark suite: probes that measure, rows that compare, a runner that alternates between them, a report."""
