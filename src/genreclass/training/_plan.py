"""What a training run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from genreclass.training._precision import Precision

__all__ = ["SCHEDULES", "Schedule", "TrainingPlan"]

Schedule = Literal["onecycle", "plateau"]
SCHEDULES: tuple[str, ...] = get_args(Schedule)


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """The numbers a training run follows; they never change while it runs.

    Parameters
    ----------
    max_epochs : int
        Epochs at most.
    batch_size : int
        Examples a batch, at most; an epoch's batches are of equal size to within one.
    learning_rate : float
        AdamW's; with "onecycle" the highest.
    weight_decay : float
        AdamW's.
    schedule : {"onecycle", "plateau"} or None
        "onecycle" rises and falls over the whole run, by batch; "plateau" halves the rate when
        the monitored loss stands still, by epoch; None keeps it.
    patience : int or None
        Epochs without improvement of the monitored loss before training stops and the best
        weights are restored; None trains to the end and keeps the last.
    precision : {"float32", "bfloat16"}
        What convolutions multiply: bfloat16 is faster where a device computes with it. Weights,
        sums and the optimiser stay in float32.
    label_smoothing : float
        Share of every target that is spread evenly over all classes.
    """

    max_epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    schedule: Schedule | None
    patience: int | None
    precision: Precision = "float32"
    label_smoothing: float = 0.0
