"""Lives of training processes, run by test_resume.py: each is a fork of one that has torch loaded.

``python lives.py FOLDER`` prints, as JSON, what became of every scenario. A life appends a byte
to a file after every batch, and ends as the operating system makes it end.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Whatever ends a life before its work is done.
Trouble = Callable[[Path], None]

PAUSED, FAILED = 130, 1


def main(folder: Path) -> None:
    import numpy as np
    import torch
    from sklearn.model_selection import GridSearchCV, cross_val_predict

    from genreclass import Augmentation, MelCNNClassifier, MelSpectrogram, MusiCNNEncoder
    from genreclass.datasets import make_clips

    torch.optim.AdamW([torch.zeros(1, requires_grad=True)])  # whose first use imports a second long
    clips = make_clips(n_clips=12, n_genres=2, duration=1.0, random_state=0)

    def make(checkpoint_dir: Path) -> MelCNNClassifier:
        return MelCNNClassifier(
            channels=(4, 8),
            mel=MelSpectrogram(duration=1.0, n_mels=32),
            augment=Augmentation(),
            crop_s=0.5,
            max_epochs=4,
            batch_size=4,
            patience=3,
            validation_fraction=0.25,
            checkpoint_dir=checkpoint_dir,
            random_state=0,
        )

    def fit(checkpoint_dir: Path) -> list[Any]:
        classifier = make(checkpoint_dir).fit(clips.data, clips.target)
        weights = [tensor.numpy() for tensor in classifier.network_.state_dict().values()]
        return [classifier.history_, digest(weights)]

    def fit_head(checkpoint_dir: Path) -> list[Any]:
        encoder = MusiCNNEncoder(
            head=(8,),
            max_epochs=4,
            batch_size=4,
            patience=3,
            validation_fraction=0.25,
            checkpoint_dir=checkpoint_dir,
            random_state=0,
        ).fit(clips.data, clips.target)
        weights = [tensor.numpy() for tensor in encoder.network_.state_dict().values()]
        return [encoder.history_, digest(weights)]

    def search(checkpoint_dir: Path) -> list[Any]:
        grid = {"learning_rate": [1e-3, 1e-2]}
        found = GridSearchCV(make(checkpoint_dir), grid, cv=2).fit(clips.data, clips.target)
        return [
            found.cv_results_["mean_test_score"].tolist(),
            digest([found.best_estimator_.predict_proba(clips.data)]),
        ]

    def predict(checkpoint_dir: Path) -> list[Any]:
        classifier = make(checkpoint_dir)
        proba = cross_val_predict(
            classifier, clips.data, clips.target, cv=3, method="predict_proba"
        )
        return [digest([proba])]

    def digest(arrays: list[np.ndarray]) -> str:
        return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()

    works = {"fit": fit, "head": fit_head, "search": search, "predict": predict}
    told = {}
    for name, (work, troubles) in scenarios().items():
        place = folder / name
        place.mkdir()
        told[name] = [live(works[work], place, trouble) for trouble in [*troubles, no_trouble]]
    json.dump(told, sys.stdout)


def live(work: Callable[[Path], Any], place: Path, trouble: Trouble) -> dict[str, Any]:
    """Do the work in a process of its own, that meets some trouble; tell how it ended."""
    (place / "steps").unlink(missing_ok=True)
    (place / "result").unlink(missing_ok=True)
    process = os.fork()
    if process == 0:
        code = FAILED
        try:
            count_steps(place / "steps")
            trouble(place)
            result = json.dumps(work(place / "runs"))
            empty_disk()
            (place / "result").write_text(result)
            code = 0
        except KeyboardInterrupt as interrupt:
            if type(interrupt).__name__ == "TrainingPaused":
                code = PAUSED
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(process, 0)
    return {
        "ended": os.waitstatus_to_exitcode(status),
        "steps": (place / "steps").stat().st_size if (place / "steps").exists() else 0,
        "result": json.loads((place / "result").read_text()) if status == 0 else None,
        "files": sorted(path.name for path in place.glob("runs/*/*")),
    }


def count_steps(file: Path) -> None:
    from genreclass.training import _loop

    step = _loop._step

    def counted(*args: Any) -> None:
        step(*args)
        with file.open("ab") as steps:
            steps.write(b".")

    _loop._step = counted


def no_trouble(place: Path) -> None:
    pass


def at_call(module_name: str, name: str, n: int, do: Callable[[], None]) -> Trouble:
    """Just before the n-th call of a function."""

    def trouble(place: Path) -> None:
        owner: Any = sys.modules[module_name]
        *path, attribute = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        original = getattr(owner, attribute)
        calls = []

        def called(*args: Any, **kwargs: Any) -> Any:
            calls.append(1)
            if len(calls) == n:
                do()
            return original(*args, **kwargs)

        setattr(owner, attribute, called)

    return trouble


def send(number: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def fill_disk() -> None:
    """From here on no file may grow beyond a hundred bytes."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))


def empty_disk() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def truncate_newest(place: Path) -> None:
    newest = max(place.glob("runs/*/checkpoint-*"))
    os.truncate(newest, newest.stat().st_size // 2)


def both(*troubles: Trouble) -> Trouble:
    def trouble(place: Path) -> None:
        for each in troubles:
            each(place)

    return trouble


# 9 clips to learn from, 3 batches an epoch, 12 in all; 3 clips to validate on after each epoch.
LOOP, WINDOWS, DURABLE = (
    "genreclass.training._loop",
    "genreclass.training._windows",
    "genreclass.durable",
)
PLACES = {
    "in an epoch": (LOOP, "_step", 9),
    "in validation": (WINDOWS, "predict_windows", 5),
    # Of each checkpoint the file is synced; the first file is run.json.
    "while a checkpoint is written": (DURABLE, "os.fsync", 5),
    "before a checkpoint takes its place": (DURABLE, "Path.replace", 3),
    "after a checkpoint took its place": (DURABLE, "sync_folder", 3),
}


def scenarios() -> dict[str, tuple[str, list[Trouble]]]:
    """Name, work, and the trouble of each life; after these there is one without trouble."""
    found: dict[str, tuple[str, list[Trouble]]] = {
        "fit": ("fit", []),
        "head": ("head", []),
        "search": ("search", []),
        "cross_val_predict": ("predict", []),
    }
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        for place, where in PLACES.items():
            found[f"{number.name} {place}"] = ("fit", [at_call(*where, send(number))])
        found[f"{number.name} in head"] = ("head", [at_call(LOOP, "_step", 9, send(number))])
        found[f"{number.name} in search"] = ("search", [at_call(LOOP, "_step", 20, send(number))])
        found[f"{number.name} in cross_val_predict"] = (
            "predict",
            [at_call(LOOP, "_step", 20, send(number))],
        )
    found["killed again and again"] = (
        "fit",
        [at_call(LOOP, "_step", n, send(signal.SIGKILL)) for n in (5, 4, 4, 2)],
    )
    found["full disk"] = ("fit", [at_call(LOOP, "_step", 8, fill_disk)])
    fills = at_call(LOOP, "_step", 5, fill_disk)
    kills = at_call(LOOP, "_step", 11, send(signal.SIGKILL))
    found["killed on a full disk"] = ("fit", [both(fills, kills)])
    kills = at_call(LOOP, "_step", 9, send(signal.SIGKILL))
    found["newest checkpoint truncated"] = ("fit", [kills, truncate_newest])
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
