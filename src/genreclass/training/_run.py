"""A training run that can be paused, killed, and gone on with."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from genreclass.audio import printable
from genreclass.durable import replacing, sync_folder
from genreclass.exceptions import CheckpointError, TrainingDivergedError, TrainingPaused
from genreclass.fingerprint import fingerprint, fingerprint_source
from genreclass.training._checkpoints import Checkpoints
from genreclass.training._loop import Augment, Examples, Validate, train
from genreclass.training._pause import PauseSignals
from genreclass.training._progress import TrainingProgress
from genreclass.training._state import TrainingState

__all__ = ["CheckpointedRun", "Run"]

_log = logging.getLogger(__name__)

_DESCRIPTION, _LOCK = "run.json", ".lock"

# With others a run goes on, but not to the same last bit.
_SOURCE = fingerprint_source(("audio", "dsp", "features", "networks", "training", "models"))
_PACKAGES = ("genreclass", "numpy", "scikit-learn", "torch")


class Run:
    """A run that leaves no trace: where it is interrupted, it is lost."""

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    # What there is to say about where it stands before it trains.
    note = ""

    def recall(self, name: str, otherwise: Any) -> Any:
        """What the run began with, by its name in the state; `otherwise` where it begins now."""
        return otherwise

    def train(
        self,
        state: TrainingState,
        examples: Examples,
        *,
        class_weights: torch.Tensor | None,
        augment: Augment | None,
        validate: Validate | None,
        visible: bool,
    ) -> None:
        """Bring a state that stands at the beginning to the end of its plan, as `train` does.

        `visible` shows the progress.
        """
        self.restore(state)
        with (
            self.pausable(),
            TrainingProgress(state, visible=visible, note=self.note) as progress,
        ):

            def after_batch(state: TrainingState) -> None:
                progress.after_batch(state)
                self.after_batch(state)

            train(
                state,
                examples,
                class_weights=class_weights,
                augment=augment,
                validate=validate,
                after_batch=after_batch,
            )
        self.finish()

    def restore(self, state: TrainingState) -> None:
        """Bring `state` to where the run was left."""

    @contextmanager
    def pausable(self) -> Iterator[None]:
        """While the ``with`` lasts, Ctrl+C pauses the run rather than losing it."""
        yield

    def after_batch(self, state: TrainingState) -> None:
        """What is to be done whenever the state is whole."""

    def finish(self) -> None:
        """Take note that the run has come to its end."""


class CheckpointedRun(Run):
    """A run whose states are kept in ``checkpoint_dir/<fingerprint>/``.

    Parameters
    ----------
    checkpoint_dir : str or path-like
        Made where it is missing. Runs that share it do not meet.
    parts : mapping of str to object
        All that decides how the run ends, by name: data, labels, parameters.
    minutes : float
        Time between checkpoints within an epoch.
    starts_anew : bool
        Whether a run that has finished is forgotten, as where its seed was drawn for it alone;
        otherwise its end is taken from its last checkpoint.

    Raises
    ------
    CheckpointError
        The folder cannot be made or written, or holds checkpoints of something else.

    Notes
    -----
    While another process or thread trains this very run, the ``with`` waits for it, and then finds
    it finished.
    """

    def __init__(
        self,
        checkpoint_dir: str | os.PathLike[str],
        parts: Mapping[str, Any],
        *,
        minutes: float,
        starts_anew: bool,
    ) -> None:
        names = {name: fingerprint(value) for name, value in parts.items()}
        self._shown = {name: _show(parts[name], names[name]) for name in parts}
        self.folder = Path(checkpoint_dir).expanduser() / fingerprint(names)
        self._lock = FileLock(self.folder / _LOCK)
        self._checkpoints: Checkpoints
        self._interval = 60 * minutes
        self._starts_anew = starts_anew
        self._signals = PauseSignals()
        self._saved: dict[str, Any] | None = None
        self._last_written = time.monotonic()
        self._last_state = "it has no checkpoint yet"
        self._is_saved = True

    def __enter__(self) -> CheckpointedRun:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:  # a search that raised here would take another candidate
                _log.warning("Waiting for another process to train %s.", printable(self.folder))
                self._lock.acquire()
        except OSError as error:
            raise CheckpointError(
                f"checkpoint_dir: {printable(self.folder.parent)} cannot be written "
                f"({error.strerror}). Give another folder."
            ) from error
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if self._starts_anew and isinstance(error[1], TrainingDivergedError):
            self._checkpoints.remove()  # so that another seed is drawn
        self._lock.release()

    def recall(self, name: str, otherwise: Any) -> Any:
        return otherwise if self._saved is None else self._saved[name]

    def restore(self, state: TrainingState) -> None:
        if self._saved is None:
            return
        try:
            state.load_state_dict(self._saved)
        except Exception as error:  # whole, but of something else: it can fail in any way
            raise CheckpointError(
                f"The checkpoint in {printable(self.folder)} does not fit this network "
                f"({error!s:.200}). Remove the folder, or give another checkpoint_dir."
            ) from error
        self._saved = None  # its tensors are in the state now
        self._last_state = _describe(state)
        self.note = f"Going on in {printable(self.folder)}: {self._last_state}."
        _log.info(self.note)

    @contextmanager
    def pausable(self) -> Iterator[None]:
        try:
            with self._signals:
                yield
        except Exception as error:
            if self._signals.came:  # a search would go on over the error
                raise self._pause() from error
            raise
        if self._signals.came:  # after the last batch, when nothing looked any more
            raise self._pause()

    def after_batch(self, state: TrainingState) -> None:
        """Write a checkpoint where one is due; raise TrainingPaused where that is wished."""
        at_epoch_end = state.batch == 0
        is_due = time.monotonic() - self._last_written >= self._interval
        wants_pause = self._signals.came
        if at_epoch_end or is_due or wants_pause:
            self._write(state)
        if wants_pause:
            raise self._pause()

    def finish(self) -> None:
        self._checkpoints.keep_newest()
        self._write_description(finished=True)

    def _open(self) -> None:
        """Find out where the run stands."""
        self._checkpoints = Checkpoints(self.folder)
        described = self._read_description()
        now = _versions()
        versions = {name: described.get(name) for name in now}
        is_finished = described.get("finished") is True
        if is_finished and (self._starts_anew or versions != now):
            # Not the other way round: checkpoints of a finished run must not pass for unfinished.
            self._checkpoints.remove()
            sync_folder(self.folder)
        self._saved = self._checkpoints.read()
        if self._saved is not None and described and versions != now:
            _log.warning(
                "The run %s was begun with %s, and goes on with %s: it may end otherwise.",
                self.folder,
                _list_versions(versions),
                _list_versions(now),
            )
        if not described or (is_finished and self._saved is None) or versions != now:
            self._write_description(finished=False)

    def _pause(self) -> TrainingPaused:
        state = "paused" if self._is_saved else "interrupted, and could not be saved"
        return TrainingPaused(
            f"Training is {state}. In {printable(self.folder)} {self._last_state}. To go on, fit "
            "again with the same data, parameters and checkpoint_dir.",
            self._is_saved,
        )

    def _write(self, state: TrainingState) -> None:
        """Write a checkpoint; where that fails, training is more than its record: it goes on."""
        try:
            self._checkpoints.write(state.state_dict())
        except (OSError, MemoryError) as error:
            _log.warning(
                "No checkpoint could be written in %s (%s); %s. Training goes on.",
                printable(self.folder),
                getattr(error, "strerror", None) or repr(error),
                self._last_state,
            )
            self._is_saved = False
        else:
            self._last_state, self._is_saved = _describe(state), True
        self._last_written = time.monotonic()

    def _read_description(self) -> dict[str, Any]:
        try:
            described = json.loads((self.folder / _DESCRIPTION).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return described if isinstance(described, dict) else {}

    def _write_description(self, *, finished: bool) -> None:
        """Say in the folder what it holds."""
        description = {
            "finished": finished,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            **_versions(),
            "of": self._shown,
        }
        try:
            with replacing(self.folder / _DESCRIPTION) as file:
                file.write(json.dumps(description, indent=1).encode())
        except OSError as error:
            _log.warning("%s cannot be written (%s).", self.folder / _DESCRIPTION, error.strerror)


def _versions() -> dict[str, str]:
    return {**{name: version(name) for name in _PACKAGES}, "source": _SOURCE}


def _list_versions(versions: Mapping[str, str | None]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _describe(state: TrainingState) -> str:
    if state.batch == 0:
        return f"it stands after {state.epoch} of {state.plan.max_epochs} epochs"
    return (
        f"it stands in epoch {state.epoch + 1} of {state.plan.max_epochs}, after {state.batch} of "
        f"{state.n_batches} batches"
    )


def _show(value: Any, name: str) -> Any:
    """A value as a reader of run.json wants to see it: parameters as they are, data by name."""
    if isinstance(value, Mapping):
        return {key: f"{item!r:.200}" for key, item in value.items()}
    return value if value is None or isinstance(value, str) else name
