"""Drafters: everything that proposes a next-token distribution for the target to verify."""

from specsim.drafters.ngram import NGram as NGram

__all__ = ["NGram"]
