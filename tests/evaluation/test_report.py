"""The report: its figures against scikit-learn, its text, HTML and JSON."""

import enum
import json
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.cells import cell_len
from scipy.stats import binomtest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)

from genreclass.evaluation import GenreReport

GENRES = np.array(["blues", "jazz", "metal", "rock"])


@pytest.fixture
def drawn():
    """True genres, predictions, probabilities and artists of 120 clips, as by a fair classifier."""
    generator = np.random.default_rng(0)
    true = generator.integers(4, size=120)
    scores = generator.normal(size=(120, 4))
    scores[np.arange(120), true] += 1.5
    proba = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    artists = np.array([f"artist {genre}{n}" for genre, n in zip(true, range(120), strict=True)])
    return GENRES[true], GENRES[proba.argmax(axis=1)], proba, np.repeat(artists[::3], 3)


@pytest.fixture
def report(drawn):
    y_true, y_pred, proba, artists = drawn
    return GenreReport.from_predictions(
        y_true,
        y_pred,
        proba=proba,
        classes=GENRES,
        clips=[f"/music/{genre}/{n:03}.wav" for n, genre in enumerate(y_true)],
        groups=artists,
    )


def _pairs_of(report):
    return report.confused_pairs[["genre", "predicted", "n_clips"]].values.tolist()


def _log_loss(y_true, proba, labels):
    return log_loss(y_true, proba, labels=labels)


class TestFigures:
    def test_figures_of_labels_are_those_of_scikit_learn(self, report, drawn):
        y_true, y_pred, _, _ = drawn
        assert report.n_clips == 120
        assert report.genres == list(GENRES)
        assert report.accuracy == accuracy_score(y_true, y_pred)
        assert report.balanced_accuracy == pytest.approx(balanced_accuracy_score(y_true, y_pred))
        assert report.macro_f1 == pytest.approx(f1_score(y_true, y_pred, average="macro"))
        np.testing.assert_array_equal(report.confusion, confusion_matrix(y_true, y_pred))

    def test_interval_is_wilsons(self, report, drawn):
        hits = int((drawn[0] == drawn[1]).sum())
        expected = binomtest(hits, 120).proportion_ci(method="wilson")
        np.testing.assert_allclose(report.interval, expected)

    def test_table_of_genres_is_that_of_scikit_learn(self, report, drawn):
        precision, recall, f1, support = precision_recall_fscore_support(drawn[0], drawn[1])
        table = report.per_genre
        assert table.index.tolist() == list(GENRES)
        np.testing.assert_array_equal(table["n_clips"], support)
        np.testing.assert_allclose(table["recall"], recall)
        np.testing.assert_allclose(table["precision"], precision)
        np.testing.assert_allclose(table["f1"], f1)

    def test_recall_and_precision_have_wilsons_intervals(self, report):
        jazz, counts = report.per_genre.loc["jazz"], report.confusion
        hits = int(counts.loc["jazz", "jazz"])
        recall = binomtest(hits, int(counts.loc["jazz"].sum())).proportion_ci(method="wilson")
        precision = binomtest(hits, int(counts["jazz"].sum())).proportion_ci(method="wilson")
        np.testing.assert_allclose(jazz[["recall_low", "recall_high"]].tolist(), recall)
        np.testing.assert_allclose(jazz[["precision_low", "precision_high"]].tolist(), precision)

    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_log_loss_is_that_of_scikit_learn(self, drawn, dtype):
        y_true, y_pred, proba, _ = drawn
        proba = proba.astype(dtype)
        report = GenreReport.from_predictions(y_true, y_pred, proba=proba, classes=GENRES)
        assert report.log_loss == pytest.approx(_log_loss(y_true, proba, GENRES))

    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_log_loss_of_a_certain_mistake_is_clipped_as_by_scikit_learn(self, dtype):
        y_true, proba = ["a", "b"], np.array([[1, 0], [1, 0]], dtype=dtype)
        report = GenreReport.from_predictions(y_true, ["a", "a"], proba=proba, classes=["a", "b"])
        assert report.log_loss == pytest.approx(_log_loss(y_true, proba, ["a", "b"]))

    def test_columns_of_probabilities_may_be_in_any_order(self, report, drawn):
        y_true, y_pred, proba, _ = drawn
        turned = GenreReport.from_predictions(
            y_true, y_pred, proba=proba[:, ::-1], classes=GENRES[::-1]
        )
        assert turned.log_loss == report.log_loss
        assert turned.brier_score == pytest.approx(report.brier_score)

    def test_calibration_error_by_hand(self):
        # Bin (0.8, 0.9]: two clips at 0.9, one right. Bin (0.5, 0.6]: one at 0.6, right.
        report = GenreReport.from_predictions(
            ["a", "b", "a"],
            ["a", "a", "a"],
            proba=[[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]],
            classes=["a", "b"],
        )
        assert report.calibration_error == pytest.approx((2 * 0.4 + 0.4) / 3)

    def test_a_calibrated_classifier_lies_within_the_range_of_one(self):
        generator = np.random.default_rng(3)
        confidence = generator.uniform(0.5, 1, size=400)
        y_true = np.where(generator.random(400) < confidence, "a", "b")
        proba = np.stack([confidence, 1 - confidence], axis=1)
        report = GenreReport.from_predictions(y_true, ["a"] * 400, proba=proba, classes=["a", "b"])
        low, high = report.calibration_error_if_calibrated
        assert low < report.calibration_error < high

    def test_without_probabilities_their_figures_are_none(self, drawn):
        report = GenreReport.from_predictions(drawn[0], drawn[1])
        assert report.calibration_error is None
        assert report.calibration_error_if_calibrated is None
        assert report.brier_score is None
        assert report.log_loss is None
        assert report.predictions["confidence"].isna().all()
        assert "Brier" not in str(report)

    def test_groups_bring_an_interval_of_their_own(self, report, drawn):
        assert report.n_groups == len(set(drawn[3])) == 40
        low, high = report.group_interval
        assert low < report.accuracy < high
        ungrouped = GenreReport.from_predictions(drawn[0], drawn[1])
        assert ungrouped.n_groups is None
        assert ungrouped.group_interval is None
        assert ungrouped.interval == report.interval

    def test_the_same_predictions_give_the_same_report(self, report, drawn):
        y_true, y_pred, proba, artists = drawn
        again = GenreReport.from_predictions(
            y_true,
            y_pred,
            proba=proba,
            classes=GENRES,
            clips=report.predictions["clip"].tolist(),
            groups=artists,
        )
        assert again.to_json() == report.to_json()


class TestTables:
    def test_confused_pairs_are_the_cells_beside_the_diagonal(self, report):
        counts = report.confusion.to_numpy().copy()
        np.fill_diagonal(counts, 0)
        assert report.confused_pairs["n_clips"].sum() == counts.sum()
        assert report.confused_pairs["n_clips"].is_monotonic_decreasing
        for genre, predicted, n_clips in _pairs_of(report):
            assert report.confusion.loc[genre, predicted] == n_clips

    def test_a_pair_names_its_share_and_the_clips_behind_it(self):
        report = GenreReport.from_predictions(
            ["jazz", "jazz", "jazz", "jazz", "rock"],
            ["rock", "jazz", "rock", "jazz", "jazz"],
            clips=[Path("a.wav"), "b.wav", "c.wav", "d.wav", "e.wav"],
        )
        pair = report.confused_pairs.iloc[0]
        assert pair.tolist() == ["jazz", "rock", 2, 0.5, ["a.wav", "c.wav"]]

    def test_of_equal_pairs_the_sorted_ones_come_first(self):
        genres = [f"genre {i:02}" for i in range(8)]
        true, predicted = np.repeat(genres, 8), np.tile(genres, 8)  # each pair once
        report = GenreReport.from_predictions(true[::-1], predicted[::-1])
        expected = [[a, b, 1] for a in genres for b in genres if a != b]
        assert _pairs_of(report) == expected

    def test_of_equally_frequent_pairs_the_larger_share_comes_first(self):
        report = GenreReport.from_predictions(["a", "a", "b"], ["a", "b", "a"])
        assert _pairs_of(report) == [["b", "a", 1], ["a", "b", 1]]

    def test_predictions_have_a_row_a_clip(self, report, drawn):
        y_true, y_pred, proba, artists = drawn
        table = report.predictions
        assert table["clip"][7] == f"/music/{y_true[7]}/007.wav"
        np.testing.assert_array_equal(table["genre"], y_true)
        np.testing.assert_array_equal(table["predicted"], y_pred)
        np.testing.assert_allclose(table["confidence"], proba.max(axis=1))
        np.testing.assert_array_equal(table["correct"], y_true == y_pred)
        np.testing.assert_array_equal(table["group"], artists)

    def test_clips_without_names_are_numbered(self):
        report = GenreReport.from_predictions(["a", "b"], ["a", "a"])
        assert report.predictions["clip"].tolist() == [0, 1]
        assert report.confused_pairs["clips"].tolist() == [[1]]
        assert "group" not in report.predictions


class TestEdges:
    def test_a_genre_not_known_counts_as_wrong_and_is_named(self):
        report = GenreReport.from_predictions(
            ["jazz", "disco", "disco"],
            ["jazz", "jazz", "rock"],
            proba=[[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]],
            classes=["jazz", "rock"],
        )
        assert report.unknown_genres == ["disco"]
        assert report.genres == ["disco", "jazz", "rock"]
        assert report.accuracy == pytest.approx(1 / 3)
        assert report.per_genre.loc["disco", "recall"] == 0
        assert "Not known to the classifier, so always wrong: disco (2 clips)" in str(report)

    def test_probabilities_of_a_genre_not_known_are_zero(self):
        proba = np.array([[0.8, 0.2], [0.6, 0.4]])
        report = GenreReport.from_predictions(
            ["jazz", "disco"], ["jazz", "jazz"], proba=proba, classes=["jazz", "rock"]
        )
        extended = np.column_stack([[0, 0], proba])
        expected = _log_loss(["jazz", "disco"], extended, ["disco", "jazz", "rock"])
        assert report.log_loss == pytest.approx(expected)
        # (0.2^2 + 0.2^2 + 1 + 0.6^2 + 0.4^2) / 2
        assert report.brier_score == pytest.approx(0.8)

    def test_a_known_genre_without_clips_has_no_recall_and_no_part_in_the_means(self):
        y_true, y_pred = ["jazz", "rock", "rock"], ["jazz", "jazz", "rock"]
        report = GenreReport.from_predictions(y_true, y_pred, classes=["disco", "jazz", "rock"])
        assert report.per_genre.loc["disco", "n_clips"] == 0
        assert report.per_genre.loc["disco"].drop("n_clips").isna().all()
        assert report.unknown_genres == []
        assert report.balanced_accuracy == pytest.approx(balanced_accuracy_score(y_true, y_pred))
        expected = f1_score(y_true, y_pred, average="macro", zero_division=0)
        assert report.macro_f1 == pytest.approx(expected)

    def test_a_genre_only_predicted_has_no_recall_but_an_f1_of_zero(self):
        y_true, y_pred = ["jazz", "rock", "rock"], ["jazz", "disco", "rock"]
        report = GenreReport.from_predictions(y_true, y_pred)
        disco = report.per_genre.loc["disco"]
        assert np.isnan(disco["recall"])
        assert (disco["precision"], disco["f1"]) == (0, 0)
        assert report.balanced_accuracy == 0.75  # scikit-learn's, which warns
        expected = f1_score(y_true, y_pred, average="macro", zero_division=0)
        assert report.macro_f1 == pytest.approx(expected)

    def test_a_genre_never_predicted_has_no_precision(self):
        report = GenreReport.from_predictions(["jazz", "rock"], ["jazz", "jazz"])
        assert np.isnan(report.per_genre.loc["rock", "precision"])
        assert report.per_genre.loc["rock", "f1"] == 0

    def test_a_prediction_that_is_no_known_genre_has_no_probability(self):
        report = GenreReport.from_predictions(
            ["jazz", "rock"],
            ["jazz", "unknown"],
            proba=[[0.9, 0.1], [0.5, 0.5]],
            classes=["jazz", "rock"],
        )
        assert report.predictions["confidence"].tolist() == [0.9, 0]
        assert report.unknown_genres == []
        assert report.accuracy == 0.5

    def test_one_clip(self):
        report = GenreReport.from_predictions(
            ["jazz"], ["jazz"], proba=[[0.6, 0.4]], classes=["jazz", "rock"], groups=["a"]
        )
        assert report.accuracy == 1
        np.testing.assert_allclose(
            report.interval, binomtest(1, 1).proportion_ci(method="wilson"), atol=1e-12
        )
        assert report.group_interval == report.interval
        assert str(report).startswith("Accuracy 100.0% (95% interval 20.7 to 100.0), 1 clip of 1 ")

    def test_all_right(self):
        report = GenreReport.from_predictions(["jazz", "rock"], ["jazz", "rock"])
        assert report.confused_pairs.empty
        assert "No clip was taken for another genre" in str(report)
        assert "No clip was taken for another genre" in report._repr_html_()
        assert json.loads(report.to_json())["confused_pairs"] == []

    @pytest.mark.parametrize(
        "labels",
        [
            [2, 10, 2],
            np.array([2, 10, 2], dtype=np.uint8),
            [2.0, 10.0, 2.0],
            pd.Series([2, 10, 2], index=[5, 6, 7]),
            np.array([[2], [10], [2]]),
        ],
    )
    def test_genres_may_be_whole_numbers(self, labels):
        report = GenreReport.from_predictions(labels, [2, 2, 2])
        assert report.genres == [2, 10]
        assert report.accuracy == pytest.approx(2 / 3)
        assert "1 of 1 10" in str(report)
        assert json.loads(report.to_json())["genres"] == [2, 10]

    @pytest.mark.parametrize(
        "labels",
        [
            np.array(["rock", "a long name"]),
            np.array(["rock", "a long name"], dtype=object),
            [np.str_("rock"), np.str_("a long name")],
            pd.Series(["rock", "a long name"], dtype="category"),
            pd.Series(["rock", "a long name"], dtype="string"),
        ],
    )
    def test_genres_may_be_text_of_any_make(self, labels):
        report = GenreReport.from_predictions(labels, ["rock", "rock"])
        assert report.genres == ["a long name", "rock"]
        assert report.accuracy == 0.5

    def test_genres_may_be_true_and_false(self):
        report = GenreReport.from_predictions([True, False], [True, True])
        assert report.genres == [False, True]
        assert json.loads(report.to_json())["genres"] == [False, True]

    @pytest.mark.parametrize("base", [(str, enum.Enum), (enum.StrEnum,)], ids=["Enum", "StrEnum"])
    def test_an_enum_of_text_is_its_value(self, base):
        class Genre(*base):
            JAZZ = "jazz"
            ROCK = "rock"

        report = GenreReport.from_predictions([Genre.JAZZ, Genre.ROCK], ["jazz", "jazz"])
        assert report.genres == ["jazz", "rock"]
        assert report.accuracy == 0.5

    @pytest.mark.parametrize(
        ("labels", "others"),
        [
            ([2**60, 2**60 + 1], [2.0, 2.0]),
            (np.array([2**63 + 1, 2**63 + 2], dtype=np.uint64), np.array([-1, -1])),
            ([2**63 + 1, 2], [2**63 + 2, 2]),
        ],
    )
    def test_large_numbers_are_not_rounded(self, labels, others):
        report = GenreReport.from_predictions(labels, others)
        assert report.genres == sorted({*map(int, labels), *map(int, others)})
        assert json.loads(report.to_json())["genres"] == report.genres

    def test_large_numbers_of_groups_are_not_rounded(self):
        groups = np.array([2**63 + 1, 2**63 + 2, 5], dtype=np.uint64)
        assert GenreReport.from_predictions(["a"] * 3, ["a"] * 3, groups=groups).n_groups == 3
        report = GenreReport.from_predictions(["a"] * 3, ["a"] * 3, groups=groups.tolist())
        assert report.n_groups == 3

    def test_nullable_labels_stay_what_they_are(self):
        report = GenreReport.from_predictions(pd.array([2, 10], "Int64"), pd.array([2, 2], "Int64"))
        assert report.genres == [2, 10]
        assert report.confusion.index.dtype == int

    def test_probabilities_of_more_than_double_precision(self, drawn):
        y_true, y_pred, proba, _ = drawn
        report = GenreReport.from_predictions(
            y_true, y_pred, proba=proba.astype(np.longdouble), classes=GENRES
        )
        assert report.log_loss == pytest.approx(_log_loss(y_true, proba, GENRES))

    def test_a_report_does_not_change(self, report):
        with pytest.raises(FrozenInstanceError):
            report.accuracy = 1.0


class TestRefusals:
    @pytest.mark.parametrize(
        ("y_true", "y_pred", "message"),
        [
            ([], [], "y_true is empty"),
            (["a", "b"], ["a"], "y_pred has length 1, but y_true has length 2"),
            ("jazz", ["jazz"], "y_true is the string 'jazz'. Put labels in a list"),
            (["a", None], ["a", "a"], r"y_true\[1\] is missing \(None\)"),
            (["a", float("nan")], ["a", "a"], r"y_true\[1\] is missing \(nan\)"),
            ([1, 2], ["a", "b"], "The clips have genres such as 1, the classifier such as 'a'"),
            ([0.25, 0.5], [0, 1], "must be text or whole numbers, got 0.25"),
            (["a", 1], ["a", "a"], "y_true mixes text, such as 'a', with other labels, such as 1"),
            ([["a", "b"], ["c", "d"]], ["a", "b"], r"one label a clip, got shape \(2, 2\)"),
        ],
    )
    def test_labels_that_are_none(self, y_true, y_pred, message):
        with pytest.raises(ValueError, match=message) as caught:
            GenreReport.from_predictions(y_true, y_pred)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"clips": ["a.wav"]}, "clips has length 1"),
            ({"groups": ["x"]}, "groups has length 1"),
            ({"groups": ["x", None]}, r"groups\[1\] is missing"),
            ({"groups": "x"}, "groups is the string 'x'"),
            ({"groups": [1, "1"]}, "groups mixes text, such as '1', with other labels, such as 1"),
            ({"clips": "ab"}, "clips must be a list of paths or names, one a clip, got 'ab'"),
            ({"clips": (name for name in "ab")}, "clips must be a list of .* got <generator"),
            ({"classes": []}, "classes is empty"),
            ({"classes": ["a", "b", "a"]}, "classes holds 'a' twice"),
            ({"classes": [0, 1]}, "the classifier such as 0"),
            ({"proba": [[1, 0], [1, 0]]}, "proba needs classes"),
        ],
    )
    def test_options_that_do_not_fit(self, options, message):
        with pytest.raises(ValueError, match=message) as caught:
            GenreReport.from_predictions(["a", "b"], ["a", "b"], **options)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("second_row", "message"),
        [
            ([np.nan, 1.0], r"Probabilities of clip 1 must be .* got \[nan  1.\]"),
            ([np.inf, 0.0], "Probabilities of clip 1 must be"),
            ([-0.2, 1.2], "Probabilities of clip 1 must be"),
            ([0.7, 0.7], "Probabilities of clip 1 must be 0 or more and add up to 1"),
        ],
    )
    def test_probabilities_that_are_none(self, second_row, message):
        with pytest.raises(ValueError, match=message) as caught:
            GenreReport.from_predictions(
                ["a", "b"], ["a", "b"], proba=[[0.5, 0.5], second_row], classes=["a", "b"]
            )
        assert "\n" not in str(caught.value)

    def test_probabilities_of_another_shape(self):
        with pytest.raises(ValueError, match=r"\(2, 2\), got shape \(2, 3\)"):
            GenreReport.from_predictions(
                ["a", "b"], ["a", "b"], proba=np.full((2, 3), 1 / 3), classes=["a", "b"]
            )


class TestText:
    def test_accuracy_comes_first_with_the_interval_that_knows_of_groups(self, report):
        low, high = report.group_interval
        first, second = str(report).splitlines()[:2]
        assert first == (
            f"Accuracy {100 * report.accuracy:.1f}% (95% interval {100 * low:.1f} to "
            f"{100 * high:.1f}), 120 clips of 40 groups"
        )
        assert f"{100 * report.interval[0]:.1f} to {100 * report.interval[1]:.1f}" in second

    def test_repr_is_one_line(self, report):
        assert repr(report) == (
            f"GenreReport(accuracy={report.accuracy:.3f}, interval=({report.interval[0]:.3f}, "
            f"{report.interval[1]:.3f}), n_clips=120, n_genres=4)"
        )

    def test_calibration_error_stands_beside_that_of_a_calibrated_classifier(self, report):
        low, high = report.calibration_error_if_calibrated
        line = next(line for line in str(report).splitlines() if line.startswith("Calibration"))
        assert f"{report.calibration_error:.3f}" in line
        assert f"{low:.3f} to {high:.3f} if perfectly calibrated" in line

    def test_a_table_of_genres_is_aligned(self, report):
        lines = str(report).splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("Genre"))
        table = lines[start : start + 5]
        assert [line.split()[0] for line in table[1:]] == list(GENRES)
        assert len({len(line) for line in table}) == 1

    def test_the_folder_of_all_files_is_said_once(self, report):
        text = str(report)
        assert text.count("/music") == 1
        assert "(files in /music)" in text
        assert report.confused_pairs["clips"][0][0].removeprefix("/music/") in text

    def test_at_most_ten_pairs_are_shown_and_the_rest_counted(self):
        genres = ["a", "b", "c", "d"]
        true, predicted = np.repeat(genres, 4), np.tile(genres, 4)  # each pair once
        text = str(GenreReport.from_predictions(true, predicted))
        assert text.count(" taken for ") == 10
        assert text.endswith("and 2 clips in 2 pairs more: see confused_pairs")

    def test_no_line_is_longer_than_a_terminal_is_wide(self):
        generator = np.random.default_rng(0)
        genres = np.array(
            ["a name so long that no table in a terminal will ever hold it", "日本の" * 9]
            + [f"International / Traditional Folk {n}" for n in range(14)]
        )
        true, predicted = generator.integers(16, size=(2, 3000))
        report = GenreReport.from_predictions(
            genres[true],
            genres[predicted],
            clips=[f"/{'folder/' * 20}{n % 7}/{'long file name ' * 9}{n}.wav" for n in range(3000)],
            classes=genres[1:],
            groups=np.arange(3000) // 2,
        )
        lines = str(report).splitlines()
        assert max(cell_len(line) for line in lines) <= 80
        assert any(line.endswith("more") and "...fi" not in line for line in lines)

    def test_long_names_stay_distinct(self):
        genres = [f"International Music, volume {n}, of Folk and Tradition" for n in range(3)]
        report = GenreReport.from_predictions(genres, [genres[0]] * 3, classes=genres[:1])
        text = str(report)
        table = text[text.index("Genre ") :].splitlines()[1:4]
        assert len({line[:24] for line in table}) == 3
        assert all(cell_len(line) <= 80 for line in text.splitlines())
        for name in (line[:24].strip() for line in table[1:]):
            assert f"{name} taken for {table[0][:24].strip()}" in text
            assert f"{name} (1 clip)" in text.replace("\n  ", " ")
            assert f"<span>{name}</span>" in report._repr_html_()

    @pytest.mark.parametrize("name", ["日本の音楽", "演歌", "rock"])
    def test_lines_of_unknown_genres_are_filled_by_the_width_of_letters(self, name):
        genres = [f"{name} {n}" for n in range(20)]
        report = GenreReport.from_predictions([*genres, "a"], ["a"] * 21, classes=["a"])
        lines = str(report).splitlines()
        start = next(n for n, line in enumerate(lines) if line.startswith("Not known"))
        lines = lines[start : lines.index("", start)]
        assert all(60 < cell_len(line) <= 80 for line in lines[:-1])
        assert " ".join(line.strip() for line in lines).count(f"{name} ") == 20

    def test_paths_with_doubled_separators_are_whole(self):
        clips = ["/music//jazz/a.wav", "/music//jazz/b.wav"]
        text = str(GenreReport.from_predictions(["a", "b"], ["b", "b"], clips=clips))
        assert "/music//jazz/a.wav" in text
        assert "files in" not in text

    def test_a_long_path_keeps_its_end(self):
        report = GenreReport.from_predictions(
            ["a", "b"], ["b", "b"], clips=["x/" + "long/" * 40 + "song 7.wav", "y/other.wav"]
        )
        line = next(line for line in str(report).splitlines() if "song 7.wav" in line)
        assert line.strip().startswith("x/long/")
        assert "..." in line

    def test_text_can_do_a_terminal_no_harm(self):
        evil = "rock\n\x1b[31m"
        report = GenreReport.from_predictions(
            [evil, "jazz"], ["jazz", evil], clips=["a\r\x1b]0;x\x07.wav", "b\udc80.wav"]
        )
        text = str(report)
        assert text.replace("\n", "").isprintable()
        assert r"rock\n\x1b[31m" in text
        text.encode("utf-8")

    def test_numbered_clips_are_called_clips(self):
        report = GenreReport.from_predictions(["a", "a", "b"], ["b", "b", "b"])
        assert "clip 0, clip 1" in str(report)


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


class TestHTML:
    def test_every_element_is_closed(self, report):
        page = _Tags()
        page.feed(report._repr_html_())
        assert page.open == []

    def test_nothing_is_fetched_or_run(self, report):
        page = _Tags()
        page.feed(report._repr_html_())
        inline = {"strong", "br", "span", "i", "b"}
        tables = {"table", "thead", "tbody", "tr", "th", "td"}
        assert {tag for tag, _ in page.seen} <= {"div", "style", "p"} | inline | tables
        attributes = {name for _, attrs in page.seen for name in attrs}
        assert attributes <= {"class", "style", "title", "colspan"}
        assert "url(" not in report._repr_html_()
        assert "@import" not in report._repr_html_()

    def test_names_are_text_never_markup(self):
        evil = '"><script>alert(1)</script>&'
        report = GenreReport.from_predictions(
            [evil, "jazz"],
            ["jazz", evil],
            clips=[f"{evil}.wav", "<img src=x>.wav"],
            classes=["jazz"],
        )
        page = _Tags()
        page.feed(report._repr_html_())
        assert not {"script", "img"} & {tag for tag, _ in page.seen}
        assert evil in page.text

    def test_it_says_what_the_text_says(self, report):
        page = _Tags()
        page.feed(report._repr_html_())
        text = " ".join(page.text)
        assert str(report).splitlines()[0] in text
        assert f"{report.log_loss:.3f}" in text
        assert "(files in /music)" in text

    def test_text_can_do_a_page_no_harm(self):
        report = GenreReport.from_predictions(["rock\x1b\u202e", "b"], ["b", "b"])
        assert report._repr_html_().replace("\n", "").isprintable()
        assert r"rock\x1b\u202e" in report._repr_html_()

    def test_bars_are_shares_and_lines_over_them_intervals(self, report):
        html = report._repr_html_()
        bars = re.findall(
            r'<i style="width:([\d.]+)%"></i><b style="left:([\d.]+)%;width:([\d.]+)%">', html
        )
        columns = ["recall", "recall_low", "recall_high"]
        columns += ["precision", "precision_low", "precision_high"]
        expected = 100 * report.per_genre[columns].to_numpy().reshape(-1, 3)
        expected[:, 2] -= expected[:, 1]
        np.testing.assert_allclose(np.array(bars, dtype=float), expected, atol=0.051)

    def test_cells_are_shaded_by_their_share_of_the_row(self):
        report = GenreReport.from_predictions(["a"] * 8 + ["b"], ["a"] * 6 + ["b"] * 2 + ["b"])
        cells = re.findall(r'class="gr-(\w+)" style="--shade:([\d.]+)">(\d)', report._repr_html_())
        assert cells == [
            ("hit", f"{0.75 * (6 / 8) ** 0.5:.2f}", "6"),
            ("miss", f"{0.75 * (2 / 8) ** 0.5:.2f}", "2"),
            ("hit", "0.75", "1"),
        ]

    def test_its_matrix_holds_the_counts(self, report):
        html = report._repr_html_()
        matrix = html[html.index('class="gr-matrix"') :].split("</table>")[0]
        counts = [int(count or 0) for count in re.findall(r"<td[^>]*>(\d*)</td>", matrix)]
        assert counts == report.confusion.to_numpy().ravel().tolist()

    def test_a_matrix_of_very_many_genres_is_left_out(self):
        genres = [f"genre {n}" for n in range(60)]
        report = GenreReport.from_predictions(genres, genres)
        assert '<table class="gr-matrix"' not in report._repr_html_()


def _refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


class TestJSON:
    def test_it_holds_everything(self, report):
        content = json.loads(report.to_json(), parse_constant=_refuse)
        assert content["format"] == 1
        assert set(content) == {"format", *vars(report)}
        assert content["accuracy"] == report.accuracy
        assert content["group_interval"] == list(report.group_interval)
        assert content["confusion"] == report.confusion.to_numpy().tolist()
        assert content["per_genre"][1]["genre"] == "jazz"
        assert content["per_genre"][1]["recall"] == report.per_genre.loc["jazz", "recall"]
        assert content["confused_pairs"][0]["clips"] == report.confused_pairs["clips"][0]
        assert len(content["predictions"]) == 120
        assert content["predictions"][3]["group"] == report.predictions["group"][3]
        assert type(content["predictions"][3]["correct"]) is bool

    def test_what_is_undefined_is_null(self):
        report = GenreReport.from_predictions(["a"], ["a"], classes=["a", "b"])
        content = json.loads(report.to_json(), parse_constant=_refuse)
        assert content["per_genre"][1]["recall"] is None
        assert content["log_loss"] is None
        assert content["predictions"][0]["confidence"] is None

    def test_odd_names_and_groups_survive(self):
        report = GenreReport.from_predictions(
            ["jazz ü", "b"],
            ["b", "b"],
            clips=["a\udc80.wav", "b"],
            groups=pd.to_datetime(["2001-01-01", "2002-02-02"]),
        )
        content = json.loads(report.to_json())
        assert content["genres"] == ["b", "jazz ü"]
        assert content["predictions"][0]["clip"] == "a\udc80.wav"
        assert content["predictions"][0]["group"].startswith("2001-01-01")

    def test_it_is_written_where_asked(self, report, tmp_path):
        path = tmp_path / "report.json"
        path.write_text("an older one")
        text = report.to_json(path)
        assert json.loads(path.read_text(encoding="utf-8")) == json.loads(text)
        assert [file.name for file in tmp_path.iterdir()] == ["report.json"]

    def test_a_folder_that_is_not_there_is_named(self, report, tmp_path):
        with pytest.raises(OSError, match=r"nowhere is no folder\. Make it first") as caught:
            report.to_json(tmp_path / "nowhere" / "report.json")
        assert "\n" not in str(caught.value)

    def test_a_folder_is_no_file(self, report, tmp_path):
        with pytest.raises(OSError, match="not a regular file"):
            report.to_json(tmp_path)


def test_printing_a_report_is_all_that_prints(drawn, capfd):
    GenreReport.from_predictions(drawn[0], drawn[1]).to_json()
    assert capfd.readouterr() == ("", "")


def test_a_report_needs_no_torch():
    code = (
        "import sys\n"
        "from genreclass.evaluation import GenreReport\n"
        "str(GenreReport.from_predictions(['a', 'b'], ['a', 'a']))\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
