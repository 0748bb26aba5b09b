"""Answers that are not sure enough to be given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer

__all__ = ["RejectBelowOption", "Rejection", "find_rejection"]

_UNKNOWN = "unknown"

RejectBelowOption = Annotated[
    float | None,
    typer.Option(
        metavar="P",
        help=f'Give no genre but "{_UNKNOWN}" where the most probable one is less probable than '
        "this, 0 to 1.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Rejection:
    """The rule of a RejectOption, for probabilities that are there.

    A RejectOption predicts from files; here these were classified once, a few at a time, and
    their probabilities are shown as well.

    Attributes
    ----------
    below : float
        Least probability of an answer.
    label : str or int
        What is said where it is not reached.
    """

    below: float = 0.0
    label: Any = _UNKNOWN

    def answered(self, proba: np.ndarray) -> Any:
        """Whether there is an answer, of each clip: (..., n_classes) to (...)."""
        return proba.max(axis=-1) >= self.below


def find_rejection(model: Any, below: float | None) -> Rejection:
    """What is asked for; where nothing is, what the model says itself.

    Raises
    ------
    typer.BadParameter
        It is no probability, or one of the model's genres is called "unknown".
    """
    from sklearn.pipeline import Pipeline

    from genreclass import RejectOption

    if below is None:
        last = model[-1] if isinstance(model, Pipeline) else model
        own = isinstance(last, RejectOption)
        return Rejection(last.threshold, last.reject_label) if own else Rejection()
    if not 0 <= below <= 1:
        raise typer.BadParameter(
            f"{below} is no probability. Give a number from 0 to 1, as 0.5.",
            param_hint="--reject-below",
        )
    if _UNKNOWN in model.classes_.tolist():
        raise typer.BadParameter(
            f'a genre of this model is called "{_UNKNOWN}", and so would be what is rejected. '
            "Leave it out.",
            param_hint="--reject-below",
        )
    return Rejection(below)
