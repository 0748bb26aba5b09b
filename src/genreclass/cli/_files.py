"""Files named on the command line, and what models say of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genreclass.audio import check_clips, printable
from genreclass.cli._models import first_step, without_rejection
from genreclass.cli._not_music import classify
from genreclass.cli._tables import read_table
from genreclass.cli._terminal import shows_progress
from genreclass.exceptions import AudioReadError, DatasetNotFoundError
from genreclass.progress import make_progress

if TYPE_CHECKING:
    from genreclass import HandcraftedFeatures

__all__ = [
    "Answers",
    "classify_files",
    "classify_table",
    "collect_files",
    "compute_features",
    "hear_ahead",
    "see_ahead",
]

# Files answered together: enough for threads that decode, few enough to show progress.
_TOGETHER = 8

# Files for which one more process pays: it takes seconds to start, and computes ten in one.
_FILES_PER_PROCESS = 100


def collect_files(paths: Sequence[Path]) -> tuple[list[str], dict[str, str]]:
    """The audio files meant by a mixture of files and folders, each once, in the order given.

    A folder means the audio files in it at any depth, sorted; a file is taken whatever its name.
    Folders that cannot be looked into come second, with the reason.

    Raises
    ------
    DatasetNotFoundError
        There are none.
    """
    from genreclass.datasets._files import find_audio

    found: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    for path in paths:
        for file in find_audio(path, unreadable) if os.path.isdir(path) else [path]:
            found.setdefault(os.path.realpath(file), str(file))
    if not found and not unreadable:
        raise DatasetNotFoundError(
            f"There are no audio files in {', '.join(printable(path) for path in paths)}. Give "
            "audio files, or folders that hold some."
        )
    return list(found.values()), unreadable


@dataclass
class Answers:
    """What became of some files, or of the rows of tables.

    Attributes
    ----------
    names : list of str
        Those that could be read.
    rows : list of ndarray
        What was computed of each: probabilities in the order of the model's ``classes_``, or
        features.
    skipped : dict of str to str
        Those that could not be read, and why.
    interrupted : bool
        Whether Ctrl+C came before the last.
    not_music : dict of str to str
        Those that are plainly "silence", "noise" or "speech", where the model finds that out.
    """

    names: list[str] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    not_music: dict[str, str] = field(default_factory=dict)


def classify_files(model: Any, paths: Sequence[str], *, strict: bool) -> Answers:
    """Classify audio files, passing over those that cannot be read.

    Raises
    ------
    AudioReadError
        A file cannot be read, and `strict` is set.
    """
    from joblib import parallel_config
    from sklearn.pipeline import Pipeline

    from genreclass import HandcraftedFeatures

    model = without_rejection(model)
    if isinstance(model, Pipeline) and isinstance(model[0], HandcraftedFeatures):
        done = compute_features(model[0], paths, strict=strict)
        if done.rows:
            done.rows = list(model[1:].predict_proba(np.stack(done.rows)))
        return done
    not_music: dict[str, str] = {}

    def answer(together: Sequence[str]) -> np.ndarray:
        proba, kinds = classify(model, together)
        not_music.update({together[place]: kind for place, kind in kinds.items()})
        return proba

    with parallel_config(backend="threading", n_jobs=-1):  # decode ahead of the computation
        answers = _answer_together(answer, paths, _TOGETHER)
        done = _gather(answers, "Classifying", len(paths), strict=strict)
    done.not_music = not_music
    return done


def classify_table(
    model: Any, path: Path, *, target: str | None = None
) -> tuple[Answers, np.ndarray]:
    """Classify the rows of a table, passing over those with gaps; and their genres, if asked for.

    Raises
    ------
    typer.BadParameter, FileNotFoundError or ValueError
        As `read_table` does.
    """
    table = read_table(path, target=target, columns=first_step(model).feature_names_in_.tolist())
    rows = list(model.predict_proba(table.features)) if table.names else []
    return Answers(table.names, rows, table.skipped), table.target


def compute_features(
    features: HandcraftedFeatures, paths: Sequence[str], *, strict: bool, jobs: int | None = None
) -> Answers:
    """Compute hand-crafted features of audio files, passing over those that cannot be read.

    `jobs` processes work at it, on CUDA threads; None is as many as pay.

    Raises
    ------
    AudioReadError
        A file cannot be read, and `strict` is set.
    """
    from joblib import Parallel, cpu_count, delayed, parallel_config

    from genreclass.dsp import resolve_device

    if resolve_device(features.device).type == "cuda":
        jobs = jobs or cpu_count()
        with parallel_config(backend="threading", n_jobs=jobs):
            answers = _answer_together(features.transform, paths, _TOGETHER * jobs)
            return _gather(answers, "Computing features", len(paths), strict=strict)
    if jobs is None:
        jobs = len(paths) // _FILES_PER_PROCESS
    jobs = max(1, min(jobs, cpu_count(), len(paths)))  # more would only be started
    # File by file, so that a broken one costs its neighbours nothing.
    answers = Parallel(jobs, return_as="generator")(
        delayed(_answer_one)(features.transform, path) for path in paths
    )
    return _gather(answers, "Computing features", len(paths), strict=strict)


# What came of a file: its name, and a row or the reason why there is none.
_Answer = tuple[str, Any]


def _answer_one(answer: Callable[[Sequence[str]], Any], path: str) -> _Answer:
    try:
        return path, answer([path])[0]
    except AudioReadError as error:
        return path, _without_index(error)


def _answer_together(
    answer: Callable[[Sequence[str]], Any], paths: Sequence[str], size: int
) -> Iterator[_Answer]:
    for first in range(0, len(paths), size):
        together = paths[first : first + size]
        try:
            rows = answer(together)
        except AudioReadError:  # one by one, to keep the good ones
            yield from (_answer_one(answer, path) for path in together)
        else:
            yield from zip(together, rows, strict=True)


def _gather(answers: Iterator[_Answer], doing: str, n_files: int, *, strict: bool) -> Answers:
    done = Answers()
    with make_progress("files", visible=shows_progress()) as progress:
        task = progress.add_task(doing, total=n_files, figures="")
        try:
            for path, row in answers:
                if not isinstance(row, AudioReadError):
                    done.names.append(path)
                    done.rows.append(row)
                elif strict:
                    raise row
                else:
                    done.skipped[path] = str(row)
                progress.advance(task)
        except KeyboardInterrupt:
            done.interrupted = True
    return done


def hear_ahead(encoder: Any, paths: Sequence[str], *, strict: bool) -> Answers:
    """Have a pretrained encoder hear each file, for the cache, passing over those not to be read.

    Without a cache it would have to hear them again, and files are only read.

    Raises
    ------
    AudioReadError
        A file cannot be read, and `strict` is set.
    """
    from joblib import cpu_count, parallel_config

    from genreclass.dsp import SOUND_KINDS
    from genreclass.features import find_cache

    listener = encoder._make_listener(None)
    listener.verbose = 0  # progress is shown here
    keeps = find_cache() is not None
    not_music: dict[str, str] = {}

    def hear(together: Sequence[str]) -> Sequence[Any]:
        sources = check_clips(together, sample_rate=None)
        if keeps:
            rows, kinds = listener.listen(sources)
        else:
            rows = [int(kind) for some in listener._load_ahead(sources) for _, kind in some]
            kinds = {place: SOUND_KINDS[kind - 1] for place, kind in enumerate(rows) if kind}
        not_music.update({together[place]: kind for place, kind in kinds.items()})
        return rows

    with parallel_config(backend="threading", n_jobs=-1):
        answers = _answer_together(hear, paths, _TOGETHER * cpu_count())
        done = _gather(
            answers, "Listening" if keeps else "Reading files", len(paths), strict=strict
        )
    done.not_music = not_music
    return done


def see_ahead(paths: Sequence[str], *, device: str, strict: bool) -> Answers:
    """Compute the spectrogram of each file, for the cache, passing over those not to be read.

    Raises
    ------
    AudioReadError
        A file cannot be read, and `strict` is set.
    """
    import torch

    from genreclass import MelSpectrogram

    mel = MelSpectrogram(device=device)

    def see(together: Sequence[str]) -> Sequence[int]:
        return [spectrum.size for spectrum in mel.transform_each(together)]

    # A thread a file: more of them in every step would wait for each other.
    pool = ThreadPoolExecutor(os.cpu_count(), initializer=torch.set_num_threads, initargs=(1,))
    try:
        answers = pool.map(partial(_answer_one, see), paths)
        return _gather(answers, "Reading files", len(paths), strict=strict)
    finally:
        pool.shutdown(cancel_futures=True)


def _without_index(error: AudioReadError) -> AudioReadError:
    """The error as it names the file alone: its place in a batch says nothing here."""
    return AudioReadError(re.sub(r"^Clip \d+: ", "", str(error)))
