"""What each setting of MelCNNClassifier is worth: one changed at a time, on clips of other artists.

    python benchmarks/ablation.py PATH_TO_GTZAN
    python benchmarks/ablation.py PATH_TO_GTZAN --only mixup masks --seeds 5

The training and validation lists together are cut into folds in which no artist is on two sides;
the test list is not read. Each setting is trained from several seeds on all folds but one, and
answers for the clips of that one. Differences to the first line are taken clip by clip, as means
over the seeds, and their 95 % intervals are over artists: clips of one artist are no independent
answers. Below 0 is better than the first line in log loss, above 0 in accuracy. What a network owes
to its seed comes on top: "the same, other seeds" shows how much that is. Of so many lines, one or
two will seem to differ by chance.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice, product
from typing import Any

import numpy as np
import torch
from _shared import describe_machine
from joblib import Parallel, delayed
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils import Bunch

from genreclass import Augmentation, MelCNNClassifier, MelSpectrogram
from genreclass.datasets import load_gtzan

# What is changed, as it is by default.
_CHANGED = ("channels", "crop_s", "max_epochs", "learning_rate", "dropout", "batch_size")
_CHANGED += ("schedule", "label_smoothing", "augment")
BASE: dict[str, Any] = {name: getattr(MelCNNClassifier(), name) for name in _CHANGED}

# By factor, each setting and its name.
FACTORS: dict[str, dict[str, dict[str, Any]]] = {
    "the same, other seeds": {"": {"first_seed": 100}},
    "learning rate": {"0.003": {"learning_rate": 3e-3}},
    "dropout": {"0.3": {"dropout": 0.3}},
    "crop": {"1.5 s": {"crop_s": 1.5}, "6 s": {"crop_s": 6.0}},
    "depth": {
        "2 layers (64, 128)": {"channels": (64, 128)},
        "3 layers (32, 64, 128)": {"channels": (32, 64, 128)},
        "5 layers (32 to 256, 256)": {"channels": (32, 64, 128, 256, 256)},
    },
    "epochs": {"15": {"max_epochs": 15}, "60": {"max_epochs": 60}},
    "schedule": {
        "none": {"schedule": None},
        "plateau": {"schedule": "plateau", "validation_fraction": None},
    },
    "label smoothing": {"0.1": {"label_smoothing": 0.1}},
    "masks": {
        "time and frequency": {"augment": Augmentation(p=0, time_mask_p=0.5, frequency_mask_p=0.5)}
    },
    "mixup": {"mixup": {"augment": Augmentation(p=0, mixup_p=0.5)}},
    "tempo and pitch": {
        "stretch and shift": {"augment": Augmentation(p=0, time_stretch_p=0.5, pitch_shift_p=0.5)}
    },
    "noise": {"noise": {"augment": Augmentation(p=0, noise_p=0.5)}},
    "equalizer": {"equalizer": {"augment": Augmentation(p=0, equalizer_p=0.5)}},
    "all of Augmentation()": {"": {"augment": Augmentation()}},
    "the first version's defaults": {
        "": {"channels": (64, 128), "max_epochs": 60, "learning_rate": 3e-3, "dropout": 0.3}
    },
}

# At prediction, with the networks of the first line; windows end to end are the default.
WINDOWS = {"one, in the middle": "middle", "overlapping by half": "overlapping"}


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", help="a copy of GTZAN")
    parser.add_argument("--genres", nargs="+", default=["classical", "jazz", "rock"])
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 to N-1 of each setting")
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="of one thread each")
    parser.add_argument("--only", nargs="*", choices=FACTORS, default=list(FACTORS))
    arguments = parser.parse_args()
    print(f"GTZAN, fault-filtered split, {', '.join(arguments.genres)}; the test list is not read")
    print(describe_machine(threads=1, device="cpu"))
    clips = _read(arguments)
    print(
        f"{len(clips.target)} training and validation clips of {len(set(clips.groups))} artists, "
        f"{arguments.folds} folds by artist, {arguments.seeds} seeds\n"
    )
    settings = {"the first line": BASE} | {
        f"{factor}: {name}".removesuffix(": "): {**BASE, **changes}
        for factor in arguments.only
        for name, changes in FACTORS[factor].items()
    }
    print("the first line: " + ", ".join(f"{key}={value}" for key, value in BASE.items()) + "\n")
    print(f"{'':36}{'accuracy':>14}{'log loss':>10}{'accuracy, points':>24}", end="")
    print(f"{'log loss':>27}{'CPU s':>7}")
    print(f"{'':36}{'+- over seeds':>14}{'':>10}{'less the first line':>24}", end="")
    print(f"{'less the first line':>27}{'':>7}", flush=True)
    base: Bunch | None = None
    for name, answers in zip(settings, _answer(settings.values(), clips, arguments), strict=True):
        _print_line(name, answers, base, clips)
        if base is None:
            base = answers
            for label, kind in WINDOWS.items():
                other = Bunch(proba=answers.others[kind], seconds=answers.seconds)
                _print_line(f"windows: {label}", other, base, clips)


def _read(arguments: argparse.Namespace) -> Bunch:
    parts = [
        load_gtzan(arguments.root, split=split, genres=arguments.genres)
        for split in ("train", "valid")
    ]
    mel = MelSpectrogram(device="cpu")
    return Bunch(
        data=np.concatenate([mel.transform(part.data) for part in parts]),
        target=np.concatenate([part.target for part in parts]),
        groups=np.concatenate([part.groups for part in parts]),
    )


def _answer(
    settings: Iterable[dict[str, Any]], clips: Bunch, arguments: argparse.Namespace
) -> Iterator[Bunch]:
    """For each setting, in turn, probabilities of shape (n_seeds, n_clips, n_classes)."""
    cutter = StratifiedGroupKFold(arguments.folds, shuffle=True, random_state=0)
    folds = list(cutter.split(clips.data, clips.target, clips.groups))
    fits = (
        delayed(_fit_and_ask)(one, seed, clips, learned, asked)
        for one in settings
        for seed in range(arguments.seeds)
        for learned, asked in folds
    )
    done = Parallel(n_jobs=arguments.jobs, return_as="generator")(fits)
    n_classes = len(set(clips.target))
    while (first := next(done, None)) is not None:
        of_setting = chain([first], islice(done, arguments.seeds * len(folds) - 1))
        kinds = {
            kind: np.empty((arguments.seeds, len(clips.target), n_classes)) for kind in first.proba
        }
        seconds = []
        for (seed, (_, asked)), fit in zip(
            product(range(arguments.seeds), folds), of_setting, strict=True
        ):
            for kind, proba in fit.proba.items():
                kinds[kind][seed, asked] = proba
            seconds.append(fit.seconds)
        proba = kinds.pop("end to end")
        yield Bunch(proba=proba, others=kinds, seconds=float(np.mean(seconds)))


def _fit_and_ask(
    settings: dict[str, Any], seed: int, clips: Bunch, learned: np.ndarray, asked: np.ndarray
) -> Bunch:
    torch.set_num_threads(1)
    settings = dict(settings)
    seed += settings.pop("first_seed", 0)
    classifier = MelCNNClassifier(mel="passthrough", device="cpu", random_state=seed, **settings)
    started = time.process_time()
    classifier.fit(clips.data[learned], clips.target[learned])
    seconds = time.process_time() - started
    spectra = clips.data[asked]
    proba = {"end to end": classifier.predict_proba(spectra)}
    if settings == BASE:
        n_frames, width = spectra.shape[2], classifier.crop_frames_
        half, middle = width // 2, (n_frames - width) // 2
        proba["middle"] = classifier.predict_proba(spectra[:, :, middle : middle + width])
        between = classifier.predict_proba(spectra[:, :, half : n_frames - half])
        proba["overlapping"] = (proba["end to end"] + between) / 2
    return Bunch(proba=proba, seconds=seconds)


def _print_line(name: str, answers: Bunch, base: Bunch | None, clips: Bunch) -> None:
    right, loss = _score(answers, clips)
    accuracies = right.mean(axis=1)
    spread = accuracies.std(ddof=1) if len(accuracies) > 1 else math.nan
    print(f"{name:36}{accuracies.mean():>8.1%} +-{spread:4.1%}{loss.mean():>9.3f}", end="")
    if base is not None:
        right_before, loss_before = _score(base, clips)
        points = _difference(100 * (right - right_before), clips.groups)
        nats = _difference(loss - loss_before, clips.groups)
        print(f"{points[0]:>+10.1f} ({points[1]:+5.1f} to{points[2]:+5.1f})", end="")
        print(f"{nats[0]:>+11.3f} ({nats[1]:+.3f} to {nats[2]:+.3f})", end="")
    else:
        print(f"{'':51}", end="")
    print(f"{answers.seconds:>7.0f}", flush=True)


def _score(answers: Bunch, clips: Bunch) -> tuple[np.ndarray, np.ndarray]:
    """By seed and clip, whether the answer was right, and its log loss."""
    _, targets = np.unique(clips.target, return_inverse=True)
    named = answers.proba[:, np.arange(len(targets)), targets]
    right = answers.proba.argmax(axis=2) == targets
    return right.astype(float), -np.log(np.clip(named, 1e-15, None))


def _difference(by_seed: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
    """Mean over clips and seeds, and its 95 % interval over groups of clips."""
    by_clip = by_seed.mean(axis=0)
    mean = by_clip.mean()
    names = np.unique(groups)
    sums = np.array([(by_clip - mean)[groups == name].sum() for name in names])
    spread = math.sqrt((sums**2).sum() * len(names) / (len(names) - 1)) / len(by_clip)
    return mean, mean - 1.96 * spread, mean + 1.96 * spread


if __name__ == "__main__":
    main()
