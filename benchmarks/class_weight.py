"""MelCNNClassifier on an imbalanced list of GTZAN clips: class_weight="balanced" against None.

    python benchmarks/class_weight.py PATH_TO_GTZAN

All training clips of the first genre and a few of each other one are learned, the validation clips
are asked about; the test split is not read. The few are drawn anew for each seed, a clip of each
artist in turn, so that they are by as many artists as there are. Both networks of a seed differ in
`class_weight` alone.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from _shared import describe_machine
from scipy.stats import t
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, recall_score
from sklearn.utils import Bunch

from genreclass import MelCNNClassifier, MelSpectrogram
from genreclass.datasets import load_gtzan

CHANNELS = (16, 32)
WEIGHTS = (None, "balanced")


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", help="a copy of GTZAN")
    parser.add_argument(
        "--genres", nargs="+", default=["classical", "jazz", "rock"], help="the first is common"
    )
    parser.add_argument(
        "--rare", nargs="+", type=int, default=[8, 4], help="clips of each other genre; one or more"
    )
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to N-1")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    started = time.perf_counter()
    print(f"GTZAN, fault-filtered split, {', '.join(arguments.genres)}")
    print(describe_machine(threads=arguments.threads, device=arguments.device))

    def read(split: str) -> tuple[Bunch, np.ndarray]:
        bunch = load_gtzan(arguments.root, split=split, genres=arguments.genres)
        mel = MelSpectrogram(device=arguments.device, n_jobs=arguments.threads)
        return bunch, mel.transform(bunch.data)

    train, spectra = read("train")
    valid, X_valid = read("valid")
    print(f"seeds 0 to {arguments.seeds - 1}; channels={CHANNELS}, max_epochs={arguments.epochs}")
    print(f"asked: {_sizes(valid.target)} validation clips; the test split is not read")
    print(
        "per cent, mean +- standard deviation over seeds; the difference with its 95 % interval by"
    )
    print(f"Student's t over the {arguments.seeds} pairs: of draws and networks, for these clips")

    for n_rare in arguments.rare:
        scores: dict[str | None, list[dict[str, float]]] = {weight: [] for weight in WEIGHTS}
        for seed in range(arguments.seeds):
            rows = _draw(train, arguments.genres[0], n_rare, np.random.default_rng(seed))
            X, y = spectra[rows], train.target[rows]
            for weight in WEIGHTS:
                clf = MelCNNClassifier(
                    mel="passthrough",
                    channels=CHANNELS,
                    max_epochs=arguments.epochs,
                    class_weight=weight,
                    learning_rate=3e-3,
                    dropout=0.3,
                    precision="float32",  # so that any processor gives these figures
                    device=arguments.device,
                    random_state=seed,
                )
                predicted = clf.fit(X, y).predict(X_valid)
                scores[weight].append(_score(valid.target, predicted))
        print(f"\nlearned: {_sizes(y)}")
        _print_table(scores)
    print(f"\n{time.perf_counter() - started:.0f} s wall altogether")


def _draw(train: Bunch, common: str, n_clips: int, generator: np.random.Generator) -> np.ndarray:
    """Rows of all clips of the common genre and of `n_clips` of each other one."""
    rows = [np.flatnonzero(train.target == common)]
    for genre in train.target_names:
        if genre != common:
            shuffled = generator.permutation(np.flatnonzero(train.target == genre))
            artists = train.groups[shuffled]
            # Clips of its artist before each: every artist gives one before any gives two.
            turn = [np.count_nonzero(artists[:i] == artist) for i, artist in enumerate(artists)]
            rows.append(shuffled[np.argsort(turn, kind="stable")[:n_clips]])
    return np.sort(np.concatenate(rows))


def _score(y: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    genres = np.unique(y)
    recalls = recall_score(y, predicted, labels=genres, average=None)
    return {
        "accuracy": accuracy_score(y, predicted),
        "balanced accuracy": balanced_accuracy_score(y, predicted),
        "macro F1": f1_score(y, predicted, average="macro"),
        **{f"recall of {genre}": recall for genre, recall in zip(genres, recalls, strict=True)},
    }


def _print_table(scores: dict[str | None, list[dict[str, float]]]) -> None:
    print(f"{'':24}{'None':16}{'balanced':16}balanced - None")
    for name in scores[None][0]:
        plain, balanced = (
            100 * np.array([seed[name] for seed in scores[weight]]) for weight in WEIGHTS
        )
        gain = balanced - plain
        half = t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / len(gain) ** 0.5
        print(
            f"  {name:20}"
            + "".join(f"{s.mean():5.1f} +- {s.std(ddof=1):4.1f}   " for s in (plain, balanced))
            + f"{gain.mean():+5.1f} ({gain.mean() - half:+5.1f} to {gain.mean() + half:+5.1f})"
        )
    print("  balanced accuracy of each seed")
    for weight in WEIGHTS:
        values = ", ".join(f"{seed['balanced accuracy']:.1%}" for seed in scores[weight])
        print(f"    {weight!s:18}{values}")


def _sizes(target: np.ndarray) -> str:
    names, counts = np.unique(target, return_counts=True)
    return ", ".join(f"{count} {name}" for name, count in zip(names, counts, strict=True))


if __name__ == "__main__":
    main()
