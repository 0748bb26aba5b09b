"""The one training loop, and what it works with."""

from genreclass.training._augmentation import Augmentation
from genreclass.training._augmenter import Augmenter
from genreclass.training._checkpoints import Checkpoints
from genreclass.training._loop import Augment, Examples, Validate, train
from genreclass.training._plan import SCHEDULES, Schedule, TrainingPlan
from genreclass.training._precision import PRECISIONS, resolve_precision
from genreclass.training._rows import HeldRows, RowExamples, RowValidation
from genreclass.training._run import CheckpointedRun, Run
from genreclass.training._state import TrainingState
from genreclass.training._windows import (
    SpectrogramCrops,
    WindowedValidation,
    count_sounding_frames,
    predict_windows,
)

__all__ = [
    "PRECISIONS",
    "SCHEDULES",
    "Augment",
    "Augmentation",
    "Augmenter",
    "CheckpointedRun",
    "Checkpoints",
    "Examples",
    "HeldRows",
    "RowExamples",
    "RowValidation",
    "Run",
    "Schedule",
    "SpectrogramCrops",
    "TrainingPlan",
    "TrainingState",
    "Validate",
    "WindowedValidation",
    "count_sounding_frames",
    "predict_windows",
    "resolve_precision",
    "train",
]
