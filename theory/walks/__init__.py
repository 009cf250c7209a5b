"""Walks: how a draft tree is traversed in verification."""

from theory.walks.top_down import TopDown, Verified

__all__ = ["TopDown", "Verified"]
