"""The one training loop, and what it works with."""

from genreclass.training._augmentation import Augmentation
from genreclass.training._augmenter import Augmenter
from genreclass.training._checkpoints import Checkpoints
from genreclass.training._loop import train
from genreclass.training._plan import SCHEDULES, Schedule, TrainingPlan
from genreclass.training._precision import PRECISIONS, resolve_precision
from genreclass.training._run import CheckpointedRun, Run
from genreclass.training._state import TrainingState
from genreclass.training._windows import (
    Spectra,
    SpectrogramCrops,
    WindowedValidation,
    count_sounding_frames,
    predict_windows,
)

__all__ = [
    "PRECISIONS",
    "SCHEDULES",
    "Augmentation",
    "Augmenter",
    "CheckpointedRun",
    "Checkpoints",
    "Run",
    "Schedule",
    "Spectra",
    "SpectrogramCrops",
    "TrainingPlan",
    "TrainingState",
    "WindowedValidation",
    "count_sounding_frames",
    "predict_windows",
    "resolve_precision",
    "train",
]
