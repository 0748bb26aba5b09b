"""What a training run shows while it runs."""

from __future__ import annotations

from types import TracebackType

from genreclass.progress import make_progress
from genreclass.training._state import TrainingState

__all__ = ["TrainingProgress"]


class TrainingProgress:
    """A progress bar for `train`: pass its `after_batch`.

    Parameters
    ----------
    state : TrainingState
        The run to be shown, at its start.
    visible : bool
        False shows nothing.
    """

    def __init__(self, state: TrainingState, *, visible: bool) -> None:
        self._progress = make_progress("epochs", visible=visible)
        total = state.plan.max_epochs
        self._task = self._progress.add_task("Training", total=total, figures="")

    def __enter__(self) -> TrainingProgress:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def after_batch(self, state: TrainingState) -> None:
        """Advance to where the run stands."""
        figures = ""
        if state.history:
            last = state.history[-1]
            figures = f"loss {last['loss']:.3f}, accuracy {last['accuracy']:.0%}"
            if "val_loss" in last:
                figures += f"; validation {last['val_loss']:.3f}, {last['val_accuracy']:.0%}"
        done = state.epoch + state.batch / state.n_batches
        self._progress.update(self._task, completed=done, figures=figures)
