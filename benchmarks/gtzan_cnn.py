"""MelCNNClassifier on the fault-filtered split of three GTZAN genres: accuracy and time.

    python benchmarks/gtzan_cnn.py PATH_TO_GTZAN

For two convolution layers and for a deeper network, every candidate setting is trained on the
training clips and scored on the validation clips. The best by validation log loss is printed, and
only then is the test split read, once, by the networks of all seeds. With a copy that holds all ten
genres, ``--genres`` takes others.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import sklearn
import torch
from sklearn.metrics import accuracy_score, log_loss

import genreclass
from genreclass import MelCNNClassifier, MelSpectrogram
from genreclass.datasets import load_gtzan
from genreclass.evaluation import wilson_interval

CANDIDATES = {
    "two layers": [
        {"channels": (64, 128)},
        {"channels": (64, 128), "learning_rate": 6e-3},
        {"channels": (64, 128), "learning_rate": 6e-3, "dropout": 0.1},
    ],
    "deeper": [
        {"channels": (32, 64, 128, 256)},
        {"channels": (32, 64, 128, 256), "learning_rate": 1e-3},
        {"channels": (32, 64, 128, 256), "learning_rate": 1e-3, "max_epochs": 120},
    ],
}


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", help="a copy of GTZAN")
    parser.add_argument("--genres", nargs="+", default=["classical", "jazz", "rock"])
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to N-1 of the chosen setting")
    parser.add_argument("--choosing-seeds", type=int, default=2, help="seeds of each candidate")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(_machine(arguments))

    def read(split: str) -> tuple[np.ndarray, np.ndarray, float]:
        paths, target = load_gtzan(
            arguments.root, split=split, genres=arguments.genres, return_X_y=True
        )
        started = time.perf_counter()
        spectra = MelSpectrogram(device=arguments.device, n_jobs=arguments.threads).transform(paths)
        return spectra, target, time.perf_counter() - started

    X, y, spectra_s = read("train")
    X_valid, y_valid, _ = read("valid")
    print(f"{len(y)} training and {len(y_valid)} validation clips; {spectra_s:.1f} s for the")
    print("spectrograms of the training clips, counted into the time of each seed\n")

    chosen = {}
    for name, candidates in CANDIDATES.items():
        print(
            f"{name}: candidates on the validation clips, mean of seeds 0 to "
            f"{arguments.choosing_seeds - 1}"
        )
        results = []
        for settings in candidates:
            fits = [
                _fit(settings, seed, X, y, arguments.device)
                for seed in range(arguments.choosing_seeds)
            ]
            scores = np.array([_score(clf, X_valid, y_valid) for clf, _, _ in fits]).mean(axis=0)
            results.append((scores[1], settings, fits))
            print(f"  accuracy {scores[0]:5.1%}  log loss {scores[1]:.3f}  {_write(settings)}")
        _, settings, fits = min(results, key=lambda result: result[0])
        print(f"  chosen: {_write(settings)}")
        rest = range(arguments.choosing_seeds, arguments.seeds)
        fits += [_fit(settings, seed, X, y, arguments.device) for seed in rest]
        for seed, (clf, wall, cpu) in enumerate(fits):
            accuracy, loss = _score(clf, X_valid, y_valid)
            print(
                f"  seed {seed}: validation accuracy {accuracy:5.1%}, log loss {loss:.3f}; "
                f"{spectra_s + wall:4.0f} s wall, {cpu:4.0f} s CPU"
            )
        chosen[name] = [clf for clf, _, _ in fits]

    X_test, y_test, _ = read("test")
    print(f"\n{len(y_test)} test clips, read once")
    for name, networks in chosen.items():
        accuracies = np.array([_score(clf, X_test, y_test)[0] for clf in networks])
        low, high = wilson_interval(accuracies.mean() * len(y_test), len(y_test))
        print(
            f"  {name}: {accuracies.mean():.1%} +- {accuracies.std(ddof=1):.1%} over "
            f"{len(networks)} seeds ({', '.join(f'{a:.1%}' for a in accuracies)}); "
            f"95 % interval of {len(y_test)} clips {low:.1%} to {high:.1%}"
        )


def _fit(
    settings: dict, seed: int, X: np.ndarray, y: np.ndarray, device: str
) -> tuple[MelCNNClassifier, float, float]:
    clf = MelCNNClassifier(mel="passthrough", device=device, random_state=seed, **settings)
    wall, cpu = time.perf_counter(), time.process_time()
    clf.fit(X, y)
    return clf, time.perf_counter() - wall, time.process_time() - cpu


def _score(clf: MelCNNClassifier, X: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    proba = clf.predict_proba(X)
    predicted = clf.classes_[proba.argmax(axis=1)]
    return accuracy_score(y, predicted), log_loss(y, proba, labels=clf.classes_)


def _write(settings: dict) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def _machine(arguments: argparse.Namespace) -> str:
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = names[0].partition(":")[2].strip() if names else name
    if arguments.device != "cpu" and torch.cuda.is_available():
        name = torch.cuda.get_device_name()
    return (
        f"GTZAN, fault-filtered split, {', '.join(arguments.genres)}\n"
        f"{name}, {arguments.threads} threads; genreclass {genreclass.__version__}, "
        f"torch {torch.__version__}, scikit-learn {sklearn.__version__}"
    )


if __name__ == "__main__":
    main()
