"""MelCNNClassifier on the fault-filtered split of three GTZAN genres: accuracy and time.

    python benchmarks/gtzan_cnn.py PATH_TO_GTZAN

For two convolution layers and for a deeper network, every candidate setting is scored by
cross-validation over the training and validation clips together, in which no artist is on two
sides. The best by log loss is printed, and only then is the test split read, once, by networks of
all seeds: some trained on the training clips alone, some on the validation clips as well. With a
copy that holds all ten genres, ``--genres`` takes others.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from _shared import describe_machine
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils import Bunch

from genreclass import MelCNNClassifier, MelSpectrogram
from genreclass.datasets import load_gtzan
from genreclass.evaluation import wilson_interval

# What a candidate does not say.
SETTINGS: dict[str, Any] = {"learning_rate": 3e-3, "dropout": 0.3, "crop_s": 3.0}

CANDIDATES: dict[str, list[dict[str, Any]]] = {
    "two layers": [
        {"channels": (64, 128), "max_epochs": 30},
        {"channels": (64, 128), "max_epochs": 30, "learning_rate": 6e-3, "dropout": 0.1},
    ],
    "deeper": [
        {"channels": (32, 64, 128, 256), "max_epochs": 40},
        {"channels": (32, 64, 128, 256), "max_epochs": 40, "learning_rate": 1e-3},
    ],
}


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", help="a copy of GTZAN")
    parser.add_argument("--genres", nargs="+", default=["classical", "jazz", "rock"])
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to N-1 of the chosen setting")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"GTZAN, fault-filtered split, {', '.join(arguments.genres)}")
    print(describe_machine(threads=arguments.threads, device=arguments.device))

    def read(split: str) -> tuple[Bunch, float]:
        clips = load_gtzan(arguments.root, split=split, genres=arguments.genres)
        started = time.perf_counter()
        mel = MelSpectrogram(device=arguments.device, n_jobs=arguments.threads)
        clips.data = mel.transform(clips.data)
        return clips, time.perf_counter() - started

    train, spectra_s = read("train")
    valid, _ = read("valid")
    both = Bunch(
        data=np.concatenate([train.data, valid.data]),
        target=np.concatenate([train.target, valid.target]),
        groups=np.concatenate([train.groups, valid.groups]),
    )
    print(f"{len(train.target)} training and {len(valid.target)} validation clips, ", end="")
    print(f"{len(set(both.groups))} artists; {spectra_s:.1f} s for the spectrograms of the")
    print("training clips, counted into the time of each network\n", flush=True)

    chosen = {}
    for name, candidates in CANDIDATES.items():
        print(f"{name}: {arguments.folds} folds by artist, training and validation clips together")
        losses = []
        for settings in candidates:
            accuracy, loss = _cross_validate(settings, both, arguments)
            losses.append(loss)
            print(
                f"  accuracy {accuracy:5.1%}  log loss {loss:.3f}  {_write(settings)}", flush=True
            )
        chosen[name] = candidates[int(np.argmin(losses))]
        print(f"  chosen: {_write(chosen[name])}")

    networks: dict[str, list[MelCNNClassifier]] = {}
    for name, settings in chosen.items():
        for clips, of in ((train, "training clips"), (both, "training and validation clips")):
            print(f"{name}, {len(clips.target)} {of}")
            fits = [_fit(settings, seed, clips, arguments) for seed in range(arguments.seeds)]
            for seed, (_, wall, cpu) in enumerate(fits):
                print(
                    f"  seed {seed}: {spectra_s + wall:4.0f} s wall, {cpu:4.0f} s CPU", flush=True
                )
            networks[f"{name}, {len(clips.target)} clips"] = [clf for clf, _, _ in fits]

    test, _ = read("test")
    print(f"\n{len(test.target)} test clips of {len(set(test.groups))} artists, read once")
    for name, fitted in networks.items():
        accuracies = np.array([clf.score(test.data, test.target) for clf in fitted])
        mean = accuracies.mean()
        low, high = wilson_interval(mean * len(test.target), len(test.target))
        print(
            f"  {name}: {mean:.1%} +- {accuracies.std(ddof=1):.1%} over {len(fitted)} seeds "
            f"({', '.join(f'{a:.1%}' for a in accuracies)}); 95 % interval of "
            f"{len(test.target)} clips {low:.1%} to {high:.1%}"
        )


def _cross_validate(
    settings: dict[str, Any], clips: Bunch, arguments: argparse.Namespace
) -> tuple[float, float]:
    """Accuracy and log loss over all clips, each by the network that knew none of its artist's."""
    folds = StratifiedGroupKFold(arguments.folds, shuffle=True, random_state=0)
    classes = np.unique(clips.target)
    proba = np.empty((len(clips.target), len(classes)))
    for learned, asked in folds.split(clips.data, clips.target, clips.groups):
        part = Bunch(data=clips.data[learned], target=clips.target[learned])
        clf, _, _ = _fit(settings, 0, part, arguments)
        proba[asked] = clf.predict_proba(clips.data[asked])
    accuracy = accuracy_score(clips.target, classes[proba.argmax(axis=1)])
    return accuracy, log_loss(clips.target, proba, labels=classes)


def _fit(
    settings: dict[str, Any], seed: int, clips: Bunch, arguments: argparse.Namespace
) -> tuple[MelCNNClassifier, float, float]:
    clf = MelCNNClassifier(
        mel="passthrough",
        precision="float32",  # so that any processor gives these figures
        device=arguments.device,
        random_state=seed,
        **(SETTINGS | settings),
    )
    wall, cpu = time.perf_counter(), time.process_time()
    clf.fit(clips.data, clips.target)
    return clf, time.perf_counter() - wall, time.process_time() - cpu


def _write(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


if __name__ == "__main__":
    main()
