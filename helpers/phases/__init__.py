"""Phase models of jobs: the types, their files, fits, change points and validation."""

from helpers.phases.model import (
    Keep,
    Phase,
    PhaseModel,
    Profile,
    Repeat,
    Stop,
    fill,
    flatten,
    generic_ml,
    join,
)

__all__ = [
    "Keep",
    "Phase",
    "PhaseModel",
    "Profile",
    "Repeat",
    "Stop",
    "fill",
    "flatten",
    "generic_ml",
    "join",
]
