"""Compilation of hot loops, only when they are first called."""

from helpers.extras import compiled, lean

__all__ = ["compiled", "lean"]
