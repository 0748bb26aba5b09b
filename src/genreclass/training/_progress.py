"""What a training run shows while it runs."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

import torch
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from genreclass.memory import process_memory
from genreclass.training._state import TrainingState

__all__ = ["TrainingProgress"]

# Seconds from one drawing to the next, each of which may wait for the GPU.
_DRAWING_S = 0.5

# Seconds from one line of a log to the next: a thousand short epochs are no flood.
_LINE_S = 2.0

_LABEL = "Training"
_SHORTEST_BAR, _LONGEST_BAR = 10, 40


class TrainingProgress:
    """Shows on stderr how `train` comes along: use it in a ``with``, pass its `after_batch`.

    A terminal shows a bar and a line of figures, which vanish at the end. Anything else (a log, a
    notebook) gets a line of plain text an epoch, at most one in two seconds.

    Parameters
    ----------
    state : TrainingState
        The run to be shown, where it starts or goes on.
    visible : bool
        False shows nothing, and computes nothing.
    note : str
        A line to be shown first, and to stay.
    """

    def __init__(self, state: TrainingState, *, visible: bool, note: str = "") -> None:
        self._state = state
        self._visible = visible
        self._note = note
        self._console = Console(stderr=True, force_jupyter=False)
        # Not where FORCE_COLOR lets a log pass for a terminal.
        on_terminal = self._console.is_interactive and self._console.file.isatty()
        self._live = (
            Live(console=self._console, auto_refresh=False, transient=True)
            if visible and on_terminal
            else None
        )
        self._batch_shown_at = self._epoch_shown_at = -math.inf

    def __enter__(self) -> TrainingProgress:
        if self._visible:
            self._pace = _Pace(self._state)
            if self._note:
                self._console.print(Text(self._note), soft_wrap=True)
        if self._live is not None:
            self._live.start()
            self._draw(self._state)
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def after_batch(self, state: TrainingState) -> None:
        """Show where the run stands, if it is time to."""
        if not self._visible:
            return
        if state.batch == 0:
            self._pace.end_epoch(state)
            waited = monotonic() - self._epoch_shown_at
            if self._live is None and (waited >= _LINE_S or state.finished):
                self._print(state)
            elif self._live is not None and waited >= _DRAWING_S:
                self._draw(state)
            else:
                return
            # An epoch's figures stay for a while before those of its successor's first batches.
            self._epoch_shown_at = self._batch_shown_at = monotonic()
        elif self._live is not None and monotonic() - self._batch_shown_at >= _DRAWING_S:
            self._draw(state)
            self._batch_shown_at = monotonic()

    def _draw(self, state: TrainingState) -> None:
        assert self._live is not None
        width = self._console.width
        loss = _loss_so_far(state)  # first, as it may wait for the batches that are timed
        seconds = self._pace.seconds_a_batch(state)
        position = [
            _Figure(0, f"epoch {_of(_epoch_under_way(state), state.plan.max_epochs)}"),
            _Figure(3, f"batch {_of(state.batch, state.n_batches)}"),
        ]
        label = [_LABEL] if width >= 72 else []
        room = width - sum(len(text) + 1 for text in label)
        text = _fit(position + _times(state, seconds), ", ", room - _SHORTEST_BAR - 1)
        bar = ProgressBar(
            total=state.plan.max_epochs * state.n_batches,
            completed=_batches_done(state),
            width=max(1, min(_LONGEST_BAR, room - len(text) - 1)),
        )
        first = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
        first.add_row(*label, bar, Text(text, no_wrap=True))
        second = Text(_fit(_figures(state, loss, seconds), "; ", width), no_wrap=True)
        self._live.update(Group(first, second), refresh=True)

    def _print(self, state: TrainingState) -> None:
        seconds = self._pace.seconds_a_batch(state)
        figures = _figures(state, _loss_so_far(state), seconds) + self._end(state, seconds)
        line = f"Epoch {state.epoch}/{state.plan.max_epochs}: "
        line += "; ".join(figure.text for figure in figures)
        self._console.print(Text(line), soft_wrap=True)

    def _end(self, state: TrainingState, seconds: float | None) -> list[_Figure]:
        if state.finished:
            return [_Figure(0, f"done in {_clock(self._pace.elapsed())}")]
        return _times(state, seconds)


class _Pace:
    """How fast this process trains; what an earlier one took does not count."""

    def __init__(self, state: TrainingState) -> None:
        self._start = (monotonic(), _batches_done(state))
        self._epoch_ends: deque[tuple[float, int]] = deque(maxlen=11)

    def elapsed(self) -> float:
        return monotonic() - self._start[0]

    def end_epoch(self, state: TrainingState) -> None:
        self._epoch_ends.append((monotonic(), _batches_done(state)))

    def seconds_a_batch(self, state: TrainingState) -> float | None:
        """From whole epochs, the last ten, as they hold a validation each; None before a batch.

        The first epoch, in which everything is slower, counts only while there is no other.
        """
        times = list(self._epoch_ends)
        if len(times) < 2:
            times = [self._start, *(times or [(monotonic(), _batches_done(state))])]
        n_batches = times[-1][1] - times[0][1]
        return (times[-1][0] - times[0][0]) / n_batches if n_batches else None


class _Figure(NamedTuple):
    """A piece of a line."""

    rank: int  # 0 is the most important, which gives way last
    text: str
    short: str | None = None


def _fit(figures: Sequence[_Figure], separator: str, width: int) -> str:
    """One line: the least important figures are shortened, then left out, until it fits."""
    texts = {figure: figure.text for figure in figures}
    least_first = sorted(figures, reverse=True)
    for change in ("shorten", "leave out"):
        for figure in least_first:
            if len(separator.join(texts.values())) <= width:
                break
            if change == "leave out":
                del texts[figure]
            elif figure.short is not None:
                texts[figure] = figure.short
    return separator.join(texts.values())


def _times(state: TrainingState, seconds_a_batch: float | None) -> list[_Figure]:
    """The time to the end and, where that is sooner, to where patience may run out."""

    def time_to(epoch: int) -> str:
        if seconds_a_batch is None:
            return "-:--:--"
        return _clock((epoch * state.n_batches - _batches_done(state)) * seconds_a_batch)

    times = [_Figure(1, f"{time_to(state.plan.max_epochs)} left")]
    if state.early_stopping is not None:
        # The first epoch is always better than none.
        stop = max(1, state.early_stopping.best_epoch) + state.early_stopping.patience
        if stop < state.plan.max_epochs:
            short = f"{time_to(stop)} unless better"
            times.append(_Figure(2, f"stops in {short}", short))
    return times


def _figures(
    state: TrainingState, loss: tuple[float, float] | None, seconds_a_batch: float | None
) -> list[_Figure]:
    """How well the run learns, how fast, and what it takes."""
    figures = []
    if loss is not None:
        text = f"loss {loss[0]:.3f}"
        figures.append(_Figure(0, f"{text}, accuracy {loss[1]:.0%}", f"{text}, {loss[1]:.0%}"))
    if state.history and "val_loss" in state.history[-1]:
        last = state.history[-1]
        text = f"{last['val_loss']:.3f}, {last['val_accuracy']:.0%}"
        figures.append(_Figure(1, f"validation {text}", f"val {text}"))
    if state.early_stopping is not None and state.early_stopping.best_epoch:
        best = state.early_stopping.best_epoch
        figures.append(_Figure(2, f"best epoch {best}", f"best {best}"))
    figures.append(_Figure(6, f"rate {state.learning_rate:.1e}"))
    if seconds_a_batch:
        speed = len(state.order) / (state.n_batches * seconds_a_batch)
        figures.append(_Figure(3, f"{speed:.{0 if speed >= 10 else 1}f} clips/s"))
    figures.append(_Figure(5, _bytes(process_memory())))
    if state.device.type == "cuda":
        taken = f"GPU {_bytes(torch.cuda.memory_allocated(state.device))}"
        reserved = _bytes(torch.cuda.memory_reserved(state.device))
        figures.append(_Figure(4, f"{taken} of {reserved}", taken))
    return figures


def _loss_so_far(state: TrainingState) -> tuple[float, float] | None:
    """Loss and accuracy of the epoch under way, or of the last one where none is."""
    if state.batch == 0:
        last = state.history[-1] if state.history else None
        return None if last is None else (last["loss"], last["accuracy"])
    # As torch.tensor_split deals them out: the first batches have one more.
    size, rest = divmod(len(state.order), state.n_batches)
    n_seen = state.batch * size + min(state.batch, rest)
    loss, accuracy = (state.sums / n_seen).tolist()
    return loss, accuracy


def _epoch_under_way(state: TrainingState) -> int:
    return min(state.epoch + 1, state.plan.max_epochs)


def _batches_done(state: TrainingState) -> int:
    return state.epoch * state.n_batches + state.batch


def _of(count: int, total: int) -> str:
    """A count as wide as its total, so that nothing moves when it gains a digit."""
    return f"{count:{len(str(total))}}/{total}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _bytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
