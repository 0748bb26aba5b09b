"""The library's errors: one base class, each child also the builtin it refines.

A pause is no error, and no child of that class; nor is a warning.
"""

from __future__ import annotations

__all__ = [
    "AudioReadError",
    "CheckpointError",
    "DatasetNotFoundError",
    "GenreclassError",
    "InvalidClipError",
    "ModelFileError",
    "NotMusicWarning",
    "TrainingDivergedError",
    "TrainingPaused",
    "WeightsError",
    "WeightsNotFoundError",
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


class CheckpointError(GenreclassError, RuntimeError):
    """A run cannot be gone on with: its folder is in use, not ours to write, or of another kind."""


class WeightsError(GenreclassError, ValueError):
    """A file of pretrained weights is damaged, of another network, or would have to run code."""


class WeightsNotFoundError(GenreclassError, FileNotFoundError):
    """Pretrained weights are not there, and could not be downloaded."""


class TrainingPaused(KeyboardInterrupt):
    """Training was interrupted, and can be gone on with.

    A KeyboardInterrupt, and not an Exception: a search goes on over errors, and must stop here.

    Parameters
    ----------
    message : str
        Where the run is, how far it is, and how to go on.
    saved : bool
        Whether all that was trained is in a checkpoint; where none could be written, the run goes
        on from an earlier one.
    """

    def __init__(self, message: str, saved: bool = True) -> None:
        super().__init__(message, saved)
        self.saved = saved

    def __str__(self) -> str:
        return str(self.args[0])


class NotMusicWarning(UserWarning):
    """Clips are plainly no music: silence, noise or speech.

    Parameters
    ----------
    message : str
        Which clips, what they are, and what to do.
    kinds : dict of int to str
        The place of each such clip in X, and what it is: "silence", "noise" or "speech".
    """

    def __init__(self, message: str, kinds: dict[int, str]) -> None:
        super().__init__(message, kinds)
        self.kinds = kinds

    def __str__(self) -> str:
        return str(self.args[0])
