"""Train the classifier that comes with the library: ten genres, from MusiCNN's tags.

    python tools/train_shipped_model.py musicnn_taggrams_train.npz gtzan.genre

The table holds the tag probabilities that the published MusiCNN gives of the 443 training tracks of
GTZAN's fault-filtered split, a row for each patch of three seconds (X, with the genre's number in Y
and the clip in IDS). Every choice is made on it, by folds in which no artist is on two sides: how
strongly the classifier is held back, for each way to sum up a track; which of these, the simplest
whose log loss is above the lowest by no more than a standard error; and the temperature that makes
its probabilities mean what they say. The test list is not read.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from genreclass import MusiCNNEncoder, save
from genreclass.datasets import gtzan_artists
from genreclass.dsp import STATISTICS as STATISTICS_OF_ROWS
from genreclass.dsp import summarize
from genreclass.networks import ClassifierHead

# How patches may become a track, the simplest first, and how weak the penalty on weights may be.
STATISTICS = (("mean",), ("mean", "std"), ("mean", "std", "max", "median"))
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)

N_FOLDS, N_REPEATS, N_DRAWS = 5, 4, 10_000


class Tracks(NamedTuple):
    """Tracks, each with the tag probabilities of its patches."""

    names: list[str]
    patches: list[np.ndarray]
    genres: np.ndarray


class Choice(NamedTuple):
    """What a candidate takes of a track, and how strongly it is held back."""

    statistics: tuple[str, ...]
    strength: float


def main() -> None:
    """Run the tool from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, metavar="TABLE", help="musicnn_taggrams_train.npz")
    parser.add_argument("model", type=Path, metavar="OUT", help="where the model is written")
    arguments = parser.parse_args()
    tracks = read_tracks(arguments.table)
    groups = read_artists(tracks.names)
    print(
        f"{len(tracks.names)} tracks of {len(set(groups))} artists; {N_REPEATS} times {N_FOLDS} "
        "folds by artist\n\nlog loss  accuracy  taken of a track's tag probabilities"
    )
    tried = {}
    for choice in (Choice(*parts) for parts in product(STATISTICS, STRENGTHS)):
        tried[choice] = cross_validate(choice, tracks, groups)
        loss, accuracy = judge(tried[choice], tracks.genres)
        print(f"{loss:8.3f}  {accuracy:8.1%}  {describe(choice)}", flush=True)
    chosen = choose(tried, tracks.genres, groups)
    held_out = tried[chosen]
    temperature = find_temperature(held_out, tracks.genres)
    loss, accuracy = judge(held_out / temperature, tracks.genres)
    print(f"chosen, as the simplest within its standard error: {describe(chosen)}")
    print(f"temperature {temperature:.3f}: log loss {loss:.3f}, accuracy {accuracy:.1%}")
    save(make_model(chosen, temperature, tracks), arguments.model)
    print(f"written: {arguments.model}")


def read_tracks(path: Path) -> Tracks:
    """Read a table of tag probabilities."""
    with np.load(path, allow_pickle=False) as table:
        X, clips = table["X"], table["IDS"]
    ids = sorted(set(clips.tolist()))
    names = [Path(clip).stem for clip in ids]
    genres = np.array([name.partition(".")[0] for name in names])
    return Tracks(names, [X[clips == clip] for clip in ids], genres)


def read_artists(names: list[str]) -> np.ndarray:
    """Look the artists of tracks up; one whose artist is not known is an artist of its own."""
    artists = gtzan_artists()
    return np.array([artists.get(name, f"of {name}") for name in names])


def describe(choice: Choice) -> str:
    """Write a choice as it is printed."""
    return f"{' + '.join(choice.statistics)}, C={choice.strength:g}"


def sum_up(choice: Choice, tracks: Tracks) -> np.ndarray:
    """Turn patches into numbers, a row a track, as MusiCNNEncoder does."""
    chosen = [STATISTICS_OF_ROWS.index(name) for name in choice.statistics]
    rows = [summarize(torch.from_numpy(patches.T.copy())[None])[0] for patches in tracks.patches]
    return np.stack([row[chosen].flatten().numpy() for row in rows])


def cross_validate(choice: Choice, tracks: Tracks, groups: np.ndarray) -> np.ndarray:
    """Scores of every track by classifiers that knew none of its artist's, once a repeat."""
    X, y = sum_up(choice, tracks), tracks.genres
    repeats = []
    for seed in range(N_REPEATS):
        scores = np.empty((len(y), len(set(y))))
        folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
        for learned, asked in folds.split(X, y, groups):
            scaler, classifier = fit(X[learned], y[learned], choice.strength)
            scores[asked] = classifier.decision_function(scaler.transform(X[asked]))
        repeats.append(scores)
    return np.stack(repeats)


def fit(X: np.ndarray, y: np.ndarray, strength: float) -> tuple[StandardScaler, LogisticRegression]:
    """Fit what is cross-validated, and shipped."""
    scaler = StandardScaler().fit(X)
    classifier = LogisticRegression(C=strength, max_iter=10_000, tol=1e-8)
    return scaler, classifier.fit(scaler.transform(X), y)


def choose(tried: dict[Choice, np.ndarray], genres: np.ndarray, groups: np.ndarray) -> Choice:
    """Choose the simplest whose log loss is within a standard error of the lowest."""
    losses = {choice: losses_of(scores, genres) for choice, scores in tried.items()}
    chosen = best = min(tried, key=lambda choice: losses[choice].mean())
    print(f"\nlowest: {describe(best)}; of the others, with their own strengths")
    for statistics in reversed(STATISTICS):
        rivals = [choice for choice in tried if choice.statistics == statistics]
        rival = min(rivals, key=lambda choice: losses[choice].mean())
        difference = losses[rival] - losses[best]
        error = standard_error(difference, groups)
        print(f"{difference.mean():+8.3f} +- {error:.3f}  {describe(rival)}")
        if difference.mean() <= error:
            chosen = rival
    return chosen


def find_temperature(scores: np.ndarray, genres: np.ndarray) -> float:
    """Find what scores have to be divided by, for the lowest log loss."""
    found = minimize_scalar(
        lambda t: judge(scores / t, genres)[0], bounds=(0.2, 5.0), method="bounded"
    )
    return float(found.x)


def judge(scores: np.ndarray, genres: np.ndarray) -> tuple[float, float]:
    """Compute log loss and accuracy, the means over repeats."""
    classes = np.unique(genres)
    accuracies = [accuracy_score(genres, classes[repeat.argmax(axis=1)]) for repeat in scores]
    return float(losses_of(scores, genres).mean()), float(np.mean(accuracies))


def losses_of(scores: np.ndarray, genres: np.ndarray) -> np.ndarray:
    """Compute the log loss of each track, its mean over repeats."""
    _, targets = np.unique(genres, return_inverse=True)
    return -log_softmax(scores, axis=2)[:, np.arange(len(targets)), targets].mean(axis=0)


def standard_error(values: np.ndarray, groups: np.ndarray) -> float:
    """Estimate that of a mean over tracks, by drawing artists with all that is theirs."""
    _, numbers = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(numbers, values), np.bincount(numbers)
    draws = np.random.default_rng(0).integers(0, len(counts), (N_DRAWS, len(counts)))
    return float((sums[draws].sum(axis=1) / counts[draws].sum(axis=1)).std())


def make_model(choice: Choice, temperature: float, tracks: Tracks) -> MusiCNNEncoder:
    """Make the estimator: MusiCNN, and a linear head with the weights that were found."""
    scaler, classifier = fit(sum_up(choice, tracks), tracks.genres, choice.strength)
    model = MusiCNNEncoder(head=(), features="taggram", statistics=choice.statistics, duration=30.0)
    weights = {
        "mean": scaler.mean_,
        "scale": scaler.scale_,
        "layers.0.weight": classifier.coef_ / temperature,
        "layers.0.bias": classifier.intercept_ / temperature,
    }
    n_classes, n_embedding = classifier.coef_.shape
    model.network_ = ClassifierHead.from_weights(
        {"n_embedding": n_embedding, "n_classes": n_classes, "hidden": (), "dropout": 0.3},
        {name: torch.from_numpy(np.float32(value)) for name, value in weights.items()},
    )
    model.classes_ = classifier.classes_
    listener = model._make_listener(None)
    model.weights_digest_, model.embedding_digest_ = listener.digest, listener.embedding_digest
    return model


if __name__ == "__main__":
    main()
