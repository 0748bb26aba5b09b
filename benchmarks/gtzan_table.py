"""Four ways from sound to genre, side by side on three genres of GTZAN's fault-filtered split.

    python benchmarks/gtzan_table.py PATH_TO_GTZAN

MusiCNN under a logistic regression, MusiCNN under a head of its own, the convolutional network
that learns from nothing but these clips, and boosted trees on the 518 hand-crafted features, all as
they are by default. Nothing is chosen here, so the training and validation lists are learned from
together; what starts from chance is trained with every seed. First come folds in which no artist is
on two sides, over those two lists; then the test list, read once.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from _shared import describe_machine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from genreclass import HandcraftedFeatures, MelCNNClassifier, MusiCNNEncoder, make_fma_baseline
from genreclass.datasets import load_gtzan
from genreclass.evaluation import wilson_interval

GENRES = ["classical", "jazz", "rock"]

# Name, how to make it with a seed, and whether the seed decides anything.
CANDIDATES: list[tuple[str, Callable[[int], Any], bool]] = [
    (
        "MusiCNN, logistic regression",
        lambda seed: make_pipeline(
            MusiCNNEncoder(), StandardScaler(), LogisticRegression(max_iter=1000)
        ),
        False,
    ),
    (
        "MusiCNN, head of 256",
        lambda seed: MusiCNNEncoder(head=(256,), random_state=seed),
        True,
    ),
    (
        "MelCNN",
        lambda seed: MelCNNClassifier(precision="float32", random_state=seed),
        True,
    ),
    (
        "518 features, PCA, trees",
        lambda seed: make_pipeline(HandcraftedFeatures(n_jobs=-1), make_fma_baseline()),
        False,
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", metavar="PATH_TO_GTZAN")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"GTZAN, fault-filtered split, {', '.join(GENRES)}")
    print(describe_machine(threads=arguments.threads, device=arguments.device))
    lists = [load_gtzan(arguments.root, split=s, genres=GENRES) for s in ("train", "valid")]
    learned = Bunch(
        data=lists[0].data + lists[1].data,
        target=np.concatenate([part.target for part in lists]),
        groups=np.concatenate([part.groups for part in lists]),
    )
    print(f"Learned from: {len(learned.data)} clips of {len(set(learned.groups))} artists\n")
    with tempfile.TemporaryDirectory() as folder:
        # What is heard is heard once; no time is taken of it.
        os.environ.update(GENRECLASS_HOME=folder, GENRECLASS_CACHE_GB="10")
        print(f"{arguments.folds} folds by artist over them, seed 0")
        print("accuracy  macro F1  log loss")
        for name, make, _ in CANDIDATES:
            _print_folds(name, make(0), learned, arguments)
        test = load_gtzan(arguments.root, split="test", genres=GENRES)
        print(f"\n{len(test.data)} test clips of {len(set(test.groups))} artists, read once")
        print("accuracy  +- seeds  macro F1  log loss  95 % interval     fit")
        for name, make, is_drawn in CANDIDATES:
            seeds = range(arguments.seeds if is_drawn else 1)
            _print_test(name, [make(seed) for seed in seeds], learned, test, arguments)


def _print_folds(name: str, model: Any, clips: Bunch, arguments: argparse.Namespace) -> None:
    folds = StratifiedGroupKFold(arguments.folds, shuffle=True, random_state=0)
    classes = np.unique(clips.target)
    proba = np.empty((len(clips.target), len(classes)))
    for rows, asked in folds.split(clips.data, clips.target, clips.groups):
        _set_device(model, arguments.device)
        model.fit([clips.data[row] for row in rows], clips.target[rows])
        proba[asked] = model.predict_proba([clips.data[row] for row in asked])
    figures = _figures(clips.target, proba, classes)
    print("{:8.1%}  {:8.1%}  {:8.3f}".format(*figures), f" {name}", flush=True)


def _print_test(
    name: str, models: list[Any], learned: Bunch, test: Bunch, arguments: argparse.Namespace
) -> None:
    figures, times = [], []
    for model in models:
        _set_device(model, arguments.device)
        started = time.perf_counter()
        model.fit(learned.data, learned.target)
        times.append(time.perf_counter() - started)
        figures.append(_figures(test.target, model.predict_proba(test.data), model.classes_))
    accuracy, f1, loss = np.mean(figures, axis=0)
    spread = f"{np.std([row[0] for row in figures], ddof=1):.1%}" if len(figures) > 1 else "-"
    low, high = wilson_interval(accuracy * len(test.target), len(test.target))
    print(
        f"{accuracy:8.1%}  {spread:>8}  {f1:8.1%}  {loss:8.3f}  {low:.1%} to {high:.1%}  "
        f"{np.median(times):4.0f} s  {name}",
        flush=True,
    )


def _figures(y: np.ndarray, proba: np.ndarray, classes: np.ndarray) -> tuple[float, float, float]:
    predicted = classes[proba.argmax(axis=1)]
    return (
        accuracy_score(y, predicted),
        f1_score(y, predicted, average="macro"),
        log_loss(y, proba, labels=classes),
    )


def _set_device(model: Any, device: str) -> None:
    names = [name for name in model.get_params() if name.split("__")[-1] == "device"]
    model.set_params(**dict.fromkeys(names, device))


if __name__ == "__main__":
    main()
