"""Files and models named on the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import typer

from genreclass.cli._terminal import shows_progress
from genreclass.exceptions import AudioReadError, ModelFileError
from genreclass.progress import make_progress

__all__ = [
    "Classified",
    "check_device",
    "classify_files",
    "collect_files",
    "find_unreadable",
    "load_classifier",
]

# Files classified together: enough for threads that decode, few enough to show progress.
_TOGETHER = 8


def check_device(device: str) -> None:
    """What is asked for by name must be there; raises typer.BadParameter."""
    from genreclass.dsp import resolve_device

    try:
        resolve_device(device)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--device") from error


def load_classifier(path: Path, *, device: str) -> Any:
    """A model that takes audio files and gives probabilities."""
    from genreclass import load

    check_device(device)
    model = load(path)
    if not hasattr(model, "predict_proba"):
        raise ModelFileError(
            f"{path} holds a {type(model).__name__}, which gives no genres. Give a model that "
            "genreclass train wrote."
        )
    if model.mel_ is None:
        raise ModelFileError(
            f'{path} was trained on spectrograms (mel="passthrough") and takes no files. Train '
            "one on clips."
        )
    model.mel_.set_params(device=device)
    return model.set_params(device=device)


def collect_files(paths: Sequence[Path]) -> tuple[list[str], dict[str, str]]:
    """The audio files meant by a mixture of files and folders, each once, in the order given.

    A folder means the audio files in it at any depth, sorted; a file is taken whatever its name.
    Folders that cannot be looked into come second, with the reason.
    """
    from genreclass.datasets._files import find_audio

    found: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    for path in paths:
        for file in find_audio(path, unreadable) if os.path.isdir(path) else [path]:
            found.setdefault(os.path.realpath(file), str(file))
    return list(found.values()), unreadable


@dataclass
class Classified:
    """What became of some files.

    Attributes
    ----------
    paths : list of str
        Those that could be read.
    proba : list of ndarray of shape (n_classes,)
        Their probabilities, in the order of the model's ``classes_``.
    skipped : dict of str to str
        Those that could not, and why.
    interrupted : bool
        Whether Ctrl+C came before the last file.
    """

    paths: list[str] = field(default_factory=list)
    proba: list[np.ndarray] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False


def classify_files(model: Any, paths: Sequence[str], *, strict: bool) -> Classified:
    """Classify files, passing over those that cannot be read.

    Raises
    ------
    AudioReadError
        A file cannot be read, and `strict` is set.
    """
    from joblib import parallel_config

    done = Classified()
    with (
        make_progress("files", visible=shows_progress()) as progress,
        parallel_config(backend="threading", n_jobs=-1),  # decode ahead of the computation
    ):
        task = progress.add_task("Classifying", total=len(paths), figures="")
        try:
            for first in range(0, len(paths), _TOGETHER):
                together = paths[first : first + _TOGETHER]
                _classify_together(model, together, done, strict=strict)
                progress.advance(task, len(together))
        except KeyboardInterrupt:
            done.interrupted = True
    return done


def _classify_together(model: Any, paths: Sequence[str], done: Classified, *, strict: bool) -> None:
    try:
        proba = model.predict_proba(paths)
    except AudioReadError as error:
        if strict:
            raise _without_index(error) from error
        if len(paths) == 1:
            done.skipped[paths[0]] = str(_without_index(error))
        else:  # one by one, to keep the good ones
            for path in paths:
                _classify_together(model, [path], done, strict=strict)
    else:
        done.paths += paths
        done.proba += list(proba)


def find_unreadable(
    paths: Sequence[str], *, sample_rate: int, duration: float, strict: bool
) -> dict[str, str]:
    """Decode each file once: which cannot be read, and why.

    Raises
    ------
    AudioReadError
        A file cannot be read, and `strict` is set.
    """
    from genreclass.audio import ClipSource, check_clips

    def why_not(source: ClipSource) -> AudioReadError | None:
        try:
            source.load(sample_rate, duration=duration)
        except AudioReadError as error:
            return error
        return None

    sources = check_clips(paths, sample_rate=sample_rate)
    unreadable = {}
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        with make_progress("files", visible=shows_progress()) as progress:
            task = progress.add_task("Checking files", total=len(paths), figures="")
            for path, error in zip(paths, pool.map(why_not, sources), strict=True):
                progress.advance(task)
                if error is not None and strict:
                    raise _without_index(error) from error
                if error is not None:
                    unreadable[path] = str(_without_index(error))
    finally:
        pool.shutdown(cancel_futures=True)
    return unreadable


def _without_index(error: AudioReadError) -> AudioReadError:
    """The error as it names the file alone: its place in a batch says nothing here."""
    return AudioReadError(re.sub(r"^Clip \d+: ", "", str(error)))
