"""Speculative decoding on real and synthetic token distributions: everything that runs, measures and shows."""
