"""The benchmark suite: probes that measure, rows that compare, a runner that interleaves them, a report."""
