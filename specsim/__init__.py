"""Speculative decoding on real and synthetic token distributions: what runs, measures and shows."""
