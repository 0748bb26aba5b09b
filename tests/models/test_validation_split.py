"""Clips kept aside."""

import numpy as np
import pytest

from genreclass.models._validation_split import split_validation


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
@pytest.mark.parametrize(
    ("targets", "groups"),
    [
        (np.repeat(np.arange(10), 8), np.arange(80) // 2),  # ten genres, forty artists
        (np.arange(18) % 2, np.arange(18)),
        (np.array([0] * 40 + [1] * 3), np.arange(43) // 2),  # a rare genre
    ],
)
def test_groups_are_kept_whole_and_every_class_is_learned(targets, groups, fraction):
    learned, aside = split_validation(targets, groups, fraction=fraction, seed=0)
    assert sorted([*learned, *aside]) == list(range(len(targets)))
    assert not set(groups[learned]) & set(groups[aside])
    assert set(targets[learned]) == set(targets)
    assert len(aside) == pytest.approx(fraction * len(targets), abs=max(4, 0.1 * len(targets)))


def test_random_small_sets_are_split_soundly_or_refused_with_advice():
    generator = np.random.default_rng(0)
    n_split = 0
    for seed in range(300):
        n_clips = generator.integers(4, 14)
        targets = np.unique(generator.integers(0, 3, n_clips), return_inverse=True)[1]
        groups = generator.integers(0, 6, n_clips)
        try:
            learned, aside = split_validation(targets, groups, fraction=0.1, seed=seed)
        except ValueError as error:
            if "Give more clips" not in str(error):
                raise
            continue
        n_split += 1
        assert len(aside) > 0
        assert set(targets[learned]) == set(targets)
        assert not set(groups[learned]) & set(groups[aside])
    assert n_split > 150


def test_without_groups_the_split_is_stratified():
    targets = np.array([0] * 80 + [1] * 20)
    _, aside = split_validation(targets, None, fraction=0.2, seed=0)
    assert np.bincount(targets[aside]).tolist() == [16, 4]


def test_groups_of_any_type_are_taken():
    targets = np.arange(12) % 2
    for groups in (["a", "b", "c"] * 4, [1.5, 1.5, 2.5, 2.5] * 3, [1, 1, "a", "a"] * 3):
        groups = np.array(groups, dtype=object)
        learned, aside = split_validation(targets, groups, fraction=0.3, seed=0)
        assert not set(groups[learned].tolist()) & set(groups[aside].tolist())
