"""The library's errors: one base class, each child also the builtin it refines."""

from __future__ import annotations

__all__ = [
    "AudioReadError",
    "DatasetNotFoundError",
    "GenreclassError",
    "InvalidClipError",
    "ModelFileError",
    "TrainingDivergedError",
]


class GenreclassError(Exception):
    """Base class of every error this library raises on purpose."""


class AudioReadError(GenreclassError, OSError):
    """A file could not be turned into sound: missing, empty, broken or of an unknown format."""


class InvalidClipError(GenreclassError, ValueError):
    """A clip is not what X may hold: not one-dimensional, not finite, empty or of an odd type."""


class DatasetNotFoundError(GenreclassError, FileNotFoundError):
    """A folder does not hold the data set that was asked for."""


class ModelFileError(GenreclassError, ValueError):
    """A model file is damaged, of a newer format, or holds what the library will not load."""


class TrainingDivergedError(GenreclassError, ArithmeticError):
    """The loss of a training run became infinite or NaN."""
