"""Measurements by hand: ratios against a stated limit, never a test. `python -m bench.probes`."""
