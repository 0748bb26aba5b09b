"""What a model hears in one part of a clip after the other."""

import io

import numpy as np
import pytest
from rich.console import Console

from genreclass import load
from genreclass.audio import Clip
from genreclass.cli._timeline import Part, find_timeline, timeline_table
from genreclass.datasets import make_clips


class _Loudness:
    """Gives the first genre the mean of a clip's samples as its probability."""

    def predict_proba(self, X):
        means = np.array([clip.samples.mean() for clip in X])
        return np.column_stack([means, 1 - means])


def _ramp(seconds):
    """A clip whose samples are its time, as a share of a minute."""
    return Clip((np.arange(seconds * 100) / 6000).astype(np.float32), 100)


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [
        (10, [0, 1, 2, 3, 4, 5]),
        (5, [0]),
        (7.5, [0, 1, 2]),
        (40, np.arange(0, 35.1, 2.5)),
    ],
)
def test_parts_of_five_seconds_follow_each_other(seconds, starts):
    parts = find_timeline(_Loudness(), _ramp(int(10 * seconds) / 10))
    assert [part.start for part in parts] == pytest.approx(list(starts))
    for part in parts:
        assert part.end - part.start == pytest.approx(5)
        assert part.proba[0] == pytest.approx((part.start + 2.5) / 60, abs=1e-4)


def test_a_short_clip_is_one_part():
    (part,) = find_timeline(_Loudness(), _ramp(2))
    assert (part.start, part.end) == (0, 2)


def test_window_and_step_may_be_others():
    parts = find_timeline(_Loudness(), _ramp(10), window=2.0, step=4.0)
    assert [(part.start, part.end) for part in parts] == [(0, 2), (4, 6), (8, 10)]


def test_what_is_heard_is_what_the_model_says_of_the_part_alone(encoder_model):
    clf = load(encoder_model).set_params(verbose=0)
    clip = make_clips(2, n_genres=2, duration=6.0, random_state=0).data[0]
    first, second = find_timeline(clf, clip)
    rate = clip.sample_rate
    expected = clf.predict_proba([Clip(clip.samples[: 5 * rate], rate)])[0]
    assert (first.proba == expected).all()
    assert (second.proba != expected).any()


@pytest.mark.usefixtures("hears_silence")
def test_a_silent_part_is_known_as_one(encoder_model):
    clf = load(encoder_model).set_params(verbose=0)
    samples = np.zeros(10 * 16000, dtype=np.float32)
    samples[6 * 16000 :] = np.random.default_rng(0).normal(size=4 * 16000) / 10
    parts = find_timeline(clf, Clip(samples, 16000))
    assert [part.not_music for part in parts] == ["silence"] * 2 + [None] * 4


def _show(parts, **options):
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(timeline_table(parts, ["a genre", "jazz"], **options))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_a_line_says_when_what_and_how_probable():
    parts = [
        Part(57.5, 62.5, np.array([0.25, 0.75]), None),
        Part(600.0, 605.0, np.array([1.0, 0.0]), "speech"),
    ]
    assert _show(parts, ascii_only=True) == [
        "  0:57.5 - 1:02.5  jazz     75%  " + "#" * 30,
        "10:00.0 - 10:05.0  speech  100%  " + "#" * 40,
    ]
    assert "█" * 30 in _show(parts, ascii_only=False)[0]
