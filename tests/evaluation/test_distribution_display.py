"""How many clips each genre has."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.utils import Bunch

from genreclass.datasets import drop_rare_genres
from genreclass.evaluation import GenreDistributionDisplay


def _names(display):
    return [text.get_text() for text in display.ax_.get_yticklabels()]


def _numbers(display):
    return [text.get_text() for text in display.text_]


def test_bars_are_counts_and_sorted():
    y = ["rock"] * 3 + ["jazz"] * 5 + ["folk"] * 3
    display = GenreDistributionDisplay.from_labels(y)
    assert_array_equal(display.display_labels, *np.unique(y, return_counts=True)[:1])
    assert_array_equal(display.counts, np.unique(y, return_counts=True)[1])
    assert _names(display) == ["jazz", "folk", "rock"]
    assert [bar.get_width() for bar in display.bars_] == [5, 3, 3]
    assert _numbers(display) == ["5", "3", "3"]
    assert display.artist_bars_ is None
    assert display.dropped_bars_ is None
    assert "11 clips in 3 genres" in display.ax_.get_xlabel()


def test_groups_are_counted_as_artists():
    music = Bunch(target=np.array(["a", "a", "a", "b"]), groups=["x", "x", "y", "x"])
    display = GenreDistributionDisplay.from_dataset(music)
    assert_array_equal(display.n_artists, [2, 1])
    assert [bar.get_width() for bar in display.artist_bars_] == [2, 1]
    assert _numbers(display) == ["3 (2)", "1 (1)"]


def test_dropped_genres_are_shown_faint():
    music = Bunch(data=list("wxyz"), target=np.array(["a", "a", "a", "b"]), groups=None)
    display = GenreDistributionDisplay.from_dataset(drop_rare_genres(music, min_count=2))
    assert _names(display) == ["a", "b"]
    assert [bar.get_width() for bar in display.bars_] == [3, 0]
    assert [bar.get_width() for bar in display.dropped_bars_] == [0, 1]
    assert _numbers(display) == ["3", "1 left out"]
    assert "3 clips in 1 genre\n1 left out" in display.ax_.get_xlabel()


def test_a_genre_dropped_in_part_shows_both():
    display = GenreDistributionDisplay([4], display_labels=["a"], n_dropped=[2]).plot()
    assert _numbers(display) == ["4, 2 left out"]
    assert display.dropped_bars_[0].get_x() == 4


def test_integers_are_labels():
    assert _names(GenreDistributionDisplay.from_labels([2, 7, 7])) == ["7", "2"]


def test_nullable_labels_stay_what_they_are():
    assert _names(GenreDistributionDisplay.from_labels(pd.array([2, 7, 7], "Int64"))) == ["7", "2"]
    answers = pd.array([True, True, False], "boolean")
    assert _names(GenreDistributionDisplay.from_labels(answers)) == ["True", "False"]


def test_numbers_and_the_text_below_are_no_mathematics():
    display = GenreDistributionDisplay.from_labels(["rock"])
    assert not any(text.get_parse_math() for text in [*display.text_, display.ax_.xaxis.label])


def test_one_genre():
    display = GenreDistributionDisplay.from_labels(["rock"])
    assert "1 clip in 1 genre" in display.ax_.get_xlabel()


def test_names_and_numbers_can_be_read(genres, paper, assert_legible):
    generator = np.random.default_rng(0)
    target = generator.choice(genres, size=40_000)
    music = Bunch(
        target=target, groups=generator.integers(0, 3000, len(target)), dropped={"Polka": 512}
    )
    display = GenreDistributionDisplay.from_dataset(music, ax=paper())
    assert_legible(display.figure_)
    display.figure_.draw_without_rendering()
    end = display.ax_.get_window_extent().x1
    assert all(text.get_window_extent().x1 <= end for text in display.text_)


@pytest.mark.parametrize("layout", [None, "tight", "constrained"])
def test_axes_of_any_figure_are_drawn_into(layout):
    figure, axes = plt.subplots(1, 2, layout=layout)
    display = GenreDistributionDisplay.from_labels(["a", "b"], ax=axes[0])
    assert display.figure_ is figure
    figure.draw_without_rendering()


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(ValueError, match="y is empty"):
        GenreDistributionDisplay.from_labels([])
    with pytest.raises(ValueError, match="y mixes text, such as 'a', with other labels, such as 1"):
        GenreDistributionDisplay.from_labels(["a", 1])
    with pytest.raises(ValueError, match=r"y\[1\] is missing"):
        GenreDistributionDisplay.from_labels(["a", np.nan])
    with pytest.raises(ValueError, match="display_labels holds 'a' twice"):
        GenreDistributionDisplay([1, 2], display_labels=["a", "a"]).plot()
    with pytest.raises(TypeError, match="takes a data set with target, got list"):
        GenreDistributionDisplay.from_dataset(["rock"])
    with pytest.raises(ValueError, match="groups has length 1, but target has length 2"):
        GenreDistributionDisplay.from_dataset(Bunch(target=["a", "b"], groups=["x"]))
    with pytest.raises(ValueError, match="counts must hold a whole number for each of the 2"):
        GenreDistributionDisplay([1], display_labels=["a", "b"]).plot()
    with pytest.raises(ValueError, match="n_artists must hold a whole number"):
        GenreDistributionDisplay([1], display_labels=["a"], n_artists=[0.5]).plot()
