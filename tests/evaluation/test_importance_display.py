"""Importance as bars."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from genreclass.evaluation import FeatureImportanceDisplay, feature_importance
from genreclass.models import make_fma_baseline

_FAMILIES = {
    "chroma_cens": 12,
    "chroma_cqt": 12,
    "chroma_stft": 12,
    "mfcc": 20,
    "rmse": 1,
    "spectral_bandwidth": 1,
    "spectral_centroid": 1,
    "spectral_contrast": 7,
    "spectral_rolloff": 1,
    "tonnetz": 6,
    "zcr": 1,
}
_STATISTICS = ("kurtosis", "max", "mean", "median", "min", "skew", "std")
NAMES = [
    f"{family}_{statistic}_{number:02}"
    for family, size in _FAMILIES.items()
    for statistic in _STATISTICS
    for number in range(1, size + 1)
]
IMPORTANCE = np.random.default_rng(0).exponential(size=len(NAMES)) ** 2


def _names(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


def test_bars_are_shares_of_families_and_of_the_strongest_features():
    display = FeatureImportanceDisplay(
        [1, 5, 1, 2, 1],
        feature_names=["a_mean_01", "b_mean_01", "b_std_01", "c_max_01", "c_min_01"],
    ).plot(max_features=3)
    assert display.families_ == {"b": 0.6, "c": pytest.approx(0.3), "a": 0.1}
    families, features = display.axes_
    assert _names(families) == ["b", "c", "a"]
    assert_allclose([bar.get_width() for bar in display.family_bars_], [0.6, 0.3, 0.1])
    assert _names(features) == ["b_mean_01", "c_max_01", "a_mean_01"]
    assert display.order_.tolist() == [1, 3, 0]
    assert_allclose([bar.get_width() for bar in display.bars_], [0.5, 0.2, 0.1])
    assert "All 3 families" in families.get_xlabel()
    assert "3 of 5 features, 80% together" in features.get_xlabel()


def test_features_that_are_no_families_have_one_panel():
    for names in (["x0", "x1", "x2"], ["mfcc_mean_01", "mfcc_mean_02", "mfcc_mean_03"]):
        display = FeatureImportanceDisplay([1, 3, 2], feature_names=names).plot()
        assert display.family_bars_ is None
        assert len(display.axes_) == 1
        assert _names(display.ax_) == [names[1], names[2], names[0]]


def test_from_estimator_draws_feature_importance():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(100, 4))
    names = ["mfcc_mean_01", "mfcc_mean_02", "zcr_mean_01", "zcr_std_01"]
    clf = make_fma_baseline(n_components=None, n_estimators=3).fit(X, X[:, 3] > 0)
    display = FeatureImportanceDisplay.from_estimator(clf, feature_names=names, max_features=2)
    table = feature_importance(clf, names)
    assert_allclose([bar.get_width() for bar in display.bars_], table["importance"][:2])
    assert next(iter(display.families_)) == "zcr"
    assert_allclose(display.families_["zcr"], table.groupby("family")["importance"].sum()["zcr"])


def test_the_518_features_can_be_read(paper, assert_legible):
    display = FeatureImportanceDisplay(IMPORTANCE, feature_names=NAMES).plot(ax=paper())
    assert_legible(display.figure_)
    assert len(display.axes_) == 2
    names = _names(display.axes_[-1])
    assert len(set(names)) == 15


def test_names_are_whole_in_a_figure_of_its_own():
    display = FeatureImportanceDisplay(IMPORTANCE, feature_names=NAMES).plot()
    assert _names(display.axes_[1]) == [NAMES[i] for i in display.order_]
    assert _names(display.axes_[0]) == list(display.families_)


def test_long_names_can_be_read(paper, assert_legible):
    names = [f"{number} of the features that someone gave a long name to" for number in range(40)]
    display = FeatureImportanceDisplay(np.arange(40), feature_names=names).plot(ax=paper())
    assert_legible(display.figure_)


@pytest.mark.parametrize("layout", [None, "tight", "constrained"])
def test_axes_of_any_figure_are_drawn_into(layout):
    figure, axes = plt.subplots(1, 2, layout=layout)
    display = FeatureImportanceDisplay([1, 2, 3], feature_names=["a_max", "a_min", "b_min"])
    assert display.plot(ax=axes).figure_ is figure
    figure.draw_without_rendering()
    assert display.plot(ax=plt.subplots(layout=layout)[1]).axes_.shape == (2,)


def test_a_model_that_goes_by_nothing_is_drawn():
    display = FeatureImportanceDisplay([0, 0, 0], feature_names=["a_max", "a_min", "b_min"]).plot()
    assert display.families_ == {"a": 0, "b": 0}
    display.figure_.draw_without_rendering()


def test_a_table_in_place_of_an_estimator_is_named_and_not_printed():
    table = pd.DataFrame({"importance": np.arange(500.0)})
    with pytest.raises(TypeError, match="got a DataFrame") as raised:
        FeatureImportanceDisplay.from_estimator(table)
    assert len(str(raised.value)) < 250


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(ValueError, match="importance must hold a number, 0 or more, for each of"):
        FeatureImportanceDisplay([1, -1], feature_names=["a", "b"]).plot()
    with pytest.raises(ValueError, match="for each of the 2 features"):
        FeatureImportanceDisplay([1], feature_names=["a", "b"]).plot()
    with pytest.raises(ValueError, match="feature_names holds 'a' twice"):
        FeatureImportanceDisplay([1, 1], feature_names=["a", "a"]).plot()
    with pytest.raises(ValueError, match="max_features"):
        FeatureImportanceDisplay([1], feature_names=["a"]).plot(max_features=0)
