"""Compilation of hot loops, only when they are first called."""

from helpers.extras import compiled

__all__ = ["compiled"]
