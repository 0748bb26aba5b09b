"""Sound: clips in memory, files, and what X may be."""

from genreclass.audio._check import ClipSource, check_clips, check_sequence
from genreclass.audio._clip import Clip
from genreclass.audio._read import (
    AUDIO_SUFFIXES,
    FOREIGN_SUFFIXES,
    expand_path,
    is_sample_rate,
    printable,
    read_clip,
)

__all__ = [
    "AUDIO_SUFFIXES",
    "FOREIGN_SUFFIXES",
    "Clip",
    "ClipSource",
    "check_clips",
    "check_sequence",
    "expand_path",
    "is_sample_rate",
    "printable",
    "read_clip",
]
