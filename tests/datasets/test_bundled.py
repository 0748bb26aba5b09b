"""Clips that need no download: bundled and synthetic."""

from pathlib import Path

import numpy as np
import pytest

from genreclass.audio import read_clip
from genreclass.datasets import load_demo, make_clips


def test_the_demo_clips_are_whole():
    demo = load_demo()
    assert [len(demo.data), len(demo.target), len(set(demo.groups))] == [24, 24, 16]
    assert {genre: list(demo.target).count(genre) for genre in demo.target_names} == {
        "electronic": 8,
        "metal": 8,
        "rock": 8,
    }
    for path in demo.data:
        clip = read_clip(path)
        assert clip.sample_rate == 22050
        assert clip.duration == pytest.approx(10, abs=0.01)


def test_the_licences_come_with_the_demo_clips():
    folder = Path(load_demo().data[0]).parents[1]
    for genre, words in {
        "electronic": "Max McCracken",
        "metal": "El Senator",
        "rock": "Permission is hereby granted",
    }.items():
        assert words in (folder / f"LICENSE.{genre}.txt").read_text(encoding="utf-8")
    assert "CC BY-SA 3.0" in load_demo().DESCR


def test_demo_returns_x_y():
    data, target = load_demo(return_X_y=True)
    assert data == load_demo().data
    np.testing.assert_array_equal(target, load_demo().target)


def test_synthetic_clips_have_the_shape_asked_for():
    clips = make_clips(10, n_genres=3, duration=0.5, sample_rate=8000, random_state=0)
    assert {len(clip.samples) for clip in clips.data} == {4000}
    assert {clip.sample_rate for clip in clips.data} == {8000}
    assert sorted(list(clips.target).count(genre) for genre in clips.target_names) == [3, 3, 4]
    assert all(np.abs(clip.samples).max() == pytest.approx(0.5) for clip in clips.data)


def test_the_same_seed_gives_the_same_clips():
    first, second, other = (make_clips(4, n_genres=2, random_state=s) for s in (1, 1, 2))
    for a, b, c in zip(first.data, second.data, other.data, strict=True):
        np.testing.assert_array_equal(a.samples, b.samples)
        assert (a.samples != c.samples).any()


def test_tracks_are_pairs_of_one_genre():
    clips = make_clips(16, n_genres=4, random_state=0)
    for group in set(clips.groups):
        members = clips.target[clips.groups == group]
        assert len(members) == 2
        assert len(set(members)) == 1


@pytest.mark.parametrize("duration", [1e-5, 0.01])
def test_very_short_clips_are_finite(duration):
    for clip in make_clips(8, n_genres=8, duration=duration, random_state=0).data:
        assert np.isfinite(clip.samples).all()


@pytest.mark.parametrize(
    "changes", [{"n_genres": 1}, {"n_genres": 9}, {"n_clips": 2}, {"duration": 0}]
)
def test_what_cannot_be_made_is_named(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        make_clips(**changes)
