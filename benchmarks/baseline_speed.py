"""The FMA baseline's steps, as notebooks do them and as make_fma_baseline does: CPU time.

    python benchmarks/baseline_speed.py

Both learn the same made-up table: correlated columns, a few of them near copies of others, and
genres that lie apart in some directions. Filter, scaling, PCA to 60 components and 50 rounds of
boosting are timed one by one, the two ways in turn, and both are asked about the same rows.

As notebooks do it: pandas' ``corr()`` and its upper triangle, StandardScaler, PCA by the full
singular value decomposition, XGBClassifier with its defaults and labels encoded by hand.

As many rounds, trees and levels either way; ours sort values into 32 bins, XGBClassifier into 256,
so that accuracy is printed beside time.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from _shared import describe_machine
from sklearn.decomposition import PCA
from sklearn.preprocessing import LabelEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from genreclass import make_fma_baseline

Times = dict[str, tuple[float, float]]
Step = Callable[[str, Callable[[], Any]], Any]


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--held-out", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    threadpool_limits(arguments.threads)
    print(describe_machine(threads=arguments.threads, device="cpu"), end="")
    print(f", xgboost {xgboost.__version__}")
    print(f"load average {os.getloadavg()[0]:.1f} before; medians of {arguments.repeats} repeats")
    X, y = make_table(arguments.rows + arguments.held_out)
    X_test, y_test = X[arguments.rows :], y[arguments.rows :]
    X, y = X[: arguments.rows], y[: arguments.rows]
    print(f"{X.shape[0]:,} x {X.shape[1]} {X.dtype}, {len(set(y))} genres; ", end="")
    print(f"{len(y_test):,} rows held out\n", flush=True)

    ways = {"notebook": fit_notebook, "genreclass": fit_genreclass}
    wall: dict[str, list[list[float]]] = {way: [] for way in ways}
    cpu: dict[str, list[list[float]]] = {way: [] for way in ways}
    accuracy, kept = {}, {}
    for _ in range(arguments.repeats):
        for way, fit in ways.items():
            times: Times = {}
            predict, kept[way] = fit(X, y, arguments.threads, _timer(times))
            wall[way].append([times[step][0] for step in times])
            cpu[way].append([times[step][1] for step in times])
            accuracy[way] = np.mean(predict(X_test) == y_test)
    _print_table(list(times), wall, cpu)
    for way in ways:
        print(f"{way:11} {kept[way]} of {X.shape[1]} columns kept, accuracy {accuracy[way]:.1%}")
    print(f"load average {os.getloadavg()[0]:.1f} after")


def make_table(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """518 float32 columns of rank 80 and noise, every fifth nearly a copy of the one before it."""
    generator = np.random.default_rng(0)
    genres = np.array([f"genre {i}" for i in range(10)])
    targets = generator.integers(0, len(genres), n_rows)
    factors = 2 * generator.normal(size=(n_rows, 80))
    factors += generator.normal(size=(len(genres), 80))[targets]
    X = factors @ (generator.normal(size=(80, 518)) * 0.95 ** np.arange(80)[:, None])
    X += 0.5 * generator.normal(size=X.shape)
    X[:, 1::5] = X[:, 0:-1:5] + 0.1 * generator.normal(size=(n_rows, 104))
    return X.astype(np.float32), genres[targets]


def fit_notebook(X: np.ndarray, y: np.ndarray, threads: int, step: Step) -> tuple[Any, int]:
    """As notebooks do it."""
    table = pd.DataFrame(X)

    def find_kept() -> list[int]:
        corr = table.corr().abs()
        upper = corr.where(np.triu(np.ones(corr.shape), k=1).astype(bool))
        return [column for column in upper if not (upper[column] > 0.95).any()]

    kept = step("filter", find_kept)
    scaler, pca = StandardScaler(), PCA(60, svd_solver="full")
    scaled = step("scale", lambda: scaler.fit_transform(table[kept]))
    components = step("PCA", lambda: pca.fit_transform(scaled))
    encoder = LabelEncoder()
    trees = xgboost.XGBClassifier(n_estimators=50, n_jobs=threads)
    step("50 rounds of trees", lambda: trees.fit(components, encoder.fit_transform(y)))

    def predict(rows: np.ndarray) -> np.ndarray:
        scaled = scaler.transform(pd.DataFrame(rows)[kept])
        return encoder.inverse_transform(trees.predict(pca.transform(scaled)))

    return predict, len(kept)


def fit_genreclass(X: np.ndarray, y: np.ndarray, threads: int, step: Step) -> tuple[Any, int]:
    """The steps of `make_fma_baseline`, as its Pipeline fits them."""
    clf = make_fma_baseline(n_components=60, n_estimators=50, n_jobs=threads, device="cpu")
    reducer, trees = clf[0], clf[1]
    filtered = step("filter", lambda: reducer[0].fit_transform(X))
    scaled = step("scale", lambda: reducer[1].fit_transform(filtered))
    components = step("PCA", lambda: reducer[2].fit_transform(scaled))
    step("50 rounds of trees", lambda: trees.fit(components, y))
    return clf.predict, filtered.shape[1]


def _timer(times: Times) -> Step:
    def step(name: str, work: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        times[name] = (time.perf_counter() - wall, time.process_time() - cpu)
        return result

    return step


def _print_table(
    steps: list[str], wall: dict[str, list[list[float]]], cpu: dict[str, list[list[float]]]
) -> None:
    print(f"{'seconds':20}{'notebook':>20}{'genreclass':>20}{'ratio of CPU':>16}")
    print(f"{'':20}{'CPU':>12}{'wall':>8}{'CPU':>12}{'wall':>8}")

    def row(name: str, pick: Callable[[np.ndarray], np.ndarray]) -> None:
        numbers = [
            float(np.median(pick(np.array(times[way]))))
            for way in ("notebook", "genreclass")
            for times in (cpu, wall)
        ]
        print(
            f"{name:20}{numbers[0]:12.2f}{numbers[1]:8.2f}{numbers[2]:12.2f}{numbers[3]:8.2f}"
            f"{numbers[0] / numbers[2]:15.1f}x"
        )

    for index, name in enumerate(steps):
        row(name, lambda times, index=index: times[:, index])  # type: ignore[misc]
    row("all", lambda times: times.sum(axis=1))
    ratios = np.array(cpu["notebook"]).sum(axis=1) / np.array(cpu["genreclass"]).sum(axis=1)
    print(f"ratio of CPU in each repeat: {', '.join(f'{ratio:.1f}x' for ratio in ratios)}\n")


if __name__ == "__main__":
    main()
