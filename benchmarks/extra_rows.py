"""MelCNNClassifier on GTZAN with feature rows beside the mel rows, against mel rows alone.

    python benchmarks/extra_rows.py PATH_TO_GTZAN

Twice: by cross-validation over the training and validation clips together, in which no artist is
on two sides, and learned from the training clips, scored on the validation clips. The test split
is not read. Both networks of a seed and fold differ in their rows alone.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from _shared import describe_machine
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils import Bunch

from genreclass import MelCNNClassifier, MelSpectrogram
from genreclass.datasets import load_gtzan

CHANNELS = (16, 32)

# Probabilities below this count as this in the log loss.
_TINY = 1e-12


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", help="a copy of GTZAN")
    parser.add_argument("--genres", nargs="+", default=["classical", "jazz", "rock"])
    parser.add_argument("--extra", nargs="+", default=["mfcc", "chroma_cqt", "spectral_centroid"])
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 to N-1, folds drawn by each")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    started = time.perf_counter()
    print(f"GTZAN, fault-filtered split, {', '.join(arguments.genres)}; the test split is not read")
    print(describe_machine(threads=arguments.threads, device=arguments.device))

    mel = MelSpectrogram(
        extra=tuple(arguments.extra), device=arguments.device, n_jobs=arguments.threads
    )
    train, valid = (
        load_gtzan(arguments.root, split=split, genres=arguments.genres)
        for split in ("train", "valid")
    )
    for clips in (train, valid):
        clips.data = mel.transform(clips.data)
    both = Bunch(
        data=np.concatenate([train.data, valid.data]),
        target=np.concatenate([train.target, valid.target]),
        groups=np.concatenate([train.groups, valid.groups]),
    )
    print(f"extra: {', '.join(arguments.extra)}; {mel.n_mels} mel rows, {mel.n_rows} with extra")
    print(f"seeds 0 to {arguments.seeds - 1}; channels={CHANNELS}, max_epochs={arguments.epochs}")
    print("mean over seeds; the difference with its 95 % interval by a bootstrap over artists,")
    print("each clip's figures being the means of its networks'", flush=True)

    in_folds, on_valid = [], []
    for seed in range(arguments.seeds):
        pairs = [np.empty((len(both.target), len(set(both.target)))) for _ in range(2)]
        folds = StratifiedGroupKFold(arguments.folds, shuffle=True, random_state=seed)
        for learned, asked in folds.split(both.target, both.target, both.groups):
            part = Bunch(data=both.data[learned], target=both.target[learned])
            for proba, n_rows in zip(pairs, (mel.n_mels, mel.n_rows), strict=True):
                proba[asked] = _predict(part, both.data[asked], n_rows, seed, arguments)
        in_folds.append(pairs)
        on_valid.append(
            [
                _predict(train, valid.data, n_rows, seed, arguments)
                for n_rows in (mel.n_mels, mel.n_rows)
            ]
        )
    _print_table(f"{arguments.folds} folds by artist", both, np.array(in_folds))
    _print_table("validation clips", valid, np.array(on_valid))
    print(f"\n{time.perf_counter() - started:.0f} s wall altogether")


def _predict(
    learned: Bunch, asked: np.ndarray, n_rows: int, seed: int, arguments: argparse.Namespace
) -> np.ndarray:
    clf = MelCNNClassifier(
        mel="passthrough",
        channels=CHANNELS,
        max_epochs=arguments.epochs,
        learning_rate=3e-3,
        dropout=0.3,
        precision="float32",  # so that any processor gives these figures
        device=arguments.device,
        random_state=seed,
    )
    return clf.fit(learned.data[:, :n_rows], learned.target).predict_proba(asked[:, :n_rows])


def _print_table(name: str, clips: Bunch, proba: np.ndarray) -> None:
    # proba: (n_seeds, 2, n_clips, n_classes)
    print(f"\n{name}: {len(clips.target)} clips of {len(set(clips.groups))} artists")
    print(f"{'':14}{'mel':10}{'with extra':14}difference")
    targets = np.unique(clips.target, return_inverse=True)[1]
    correct = 100.0 * (proba.argmax(axis=3) == targets)
    loss = -np.log(np.maximum(proba[:, :, np.arange(len(targets)), targets], _TINY))
    for measure, values, width in (("accuracy, %", correct, 1), ("log loss", loss, 3)):
        plain, extra = values.mean(axis=(0, 2))
        low, high = _interval(values[:, 1].mean(axis=0) - values[:, 0].mean(axis=0), clips.groups)
        print(
            f"  {measure:12}{plain:<10.{width}f}{extra:<14.{width}f}{extra - plain:+.{width}f} "
            f"({low:+.{width}f} to {high:+.{width}f})"
        )
        for row, label in enumerate(("mel", "with extra")):
            seeds = ", ".join(f"{value:.{width}f}" for value in values[:, row].mean(axis=1))
            print(f"    {label:11}of each seed: {seeds}")


def _interval(differences: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean when artists are drawn anew, with all of their clips."""
    artists = np.unique(groups, return_inverse=True)[1]
    sums, counts = np.bincount(artists, differences), np.bincount(artists)
    drawn = np.random.default_rng(0).integers(len(counts), size=(10_000, len(counts)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    main()
