"""Which genre is mistaken for which."""

import logging

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import confusion_matrix

from genreclass.evaluation import GenreConfusionDisplay
from genreclass.evaluation._names import _find_fonts


def _cells(display):
    return [[text.get_text() if text else "" for text in row] for row in display.text_]


def _names(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def test_matrix_is_that_of_scikit_learn(predict, genres):
    y_true, y_pred, _ = predict(genres)
    display = GenreConfusionDisplay.from_predictions(y_true, y_pred)
    labels = sorted(genres)
    assert_array_equal(display.display_labels, labels)
    assert_array_equal(display.confusion_matrix, confusion_matrix(y_true, y_pred, labels=labels))


def test_cells_say_counts_and_are_coloured_by_share_of_the_row(predict):
    y_true, y_pred, _ = predict(list("abcdef"))
    display = GenreConfusionDisplay.from_predictions(y_true, y_pred)
    order = display.display_labels[display.order_]
    counts = confusion_matrix(y_true, y_pred, labels=order)
    shares = confusion_matrix(y_true, y_pred, labels=order, normalize="true")
    assert _cells(display) == [[str(n) if n else "" for n in row] for row in counts]
    assert_allclose(display.im_.get_array(), shares)
    assert display.im_.get_clim() == (0, 1)


def test_cells_say_percentages(predict):
    y_true, y_pred, _ = predict(list("abc"))
    display = GenreConfusionDisplay.from_predictions(
        y_true, y_pred, normalize="true", order="sorted"
    )
    shares = confusion_matrix(y_true, y_pred, normalize="true")
    assert _cells(display) == [[f"{100 * x:.0f}" if x else "" for x in row] for row in shares]
    assert "%" in display.ax_.get_title()


def test_one_clip_of_many_is_not_rounded_away():
    display = GenreConfusionDisplay(np.array([[999, 1], [0, 5]])).plot(normalize="true")
    assert _cells(display) == [[">99", "<1"], ["", "100"]]


def test_title_says_accuracy_and_number_of_clips():
    matrix = np.array([[1500, 500], [0, 0]])
    assert GenreConfusionDisplay(matrix).plot().ax_.get_title() == "Accuracy 75.0%, 2,000 clips"
    assert GenreConfusionDisplay(matrix).plot(title=False).ax_.get_title() == ""


def test_genres_mistaken_for_each_other_stand_side_by_side():
    # a with e, b with d, c with none
    matrix = np.array(
        [[5, 0, 0, 0, 5], [0, 6, 0, 4, 0], [0, 0, 9, 0, 0], [0, 3, 0, 7, 0], [2, 0, 0, 0, 8]]
    )
    display = GenreConfusionDisplay(matrix, display_labels=list("abcde")).plot()
    order = "".join(np.array(list("abcde"))[display.order_])
    assert "ae" in order or "ea" in order
    assert "bd" in order or "db" in order
    assert _names(display.ax_.yaxis) == list(order)
    assert _names(display.ax_.xaxis) == list(order)
    assert_array_equal(display.order_, display.plot().order_)


@pytest.mark.parametrize("mistaken", [("a", "e"), ("e", "a")])
def test_mistakes_in_either_direction_make_genres_similar(mistaken):
    frame = pd.DataFrame(9 * np.eye(5, dtype=int), index=list("abcde"), columns=list("abcde"))
    frame.loc[mistaken] = 9
    display = GenreConfusionDisplay(frame).plot()
    order = "".join(frame.index[display.order_])
    assert "ae" in order or "ea" in order


def test_order_may_be_sorted_or_given(predict):
    y_true, y_pred, _ = predict(["rock", "jazz", "folk"])
    display = GenreConfusionDisplay.from_predictions(y_true, y_pred, order="sorted")
    assert _names(display.ax_.yaxis) == ["folk", "jazz", "rock"]
    display.plot(order=["jazz", "rock", "folk"])
    assert _names(display.ax_.yaxis) == ["jazz", "rock", "folk"]


def test_integers_are_labels():
    display = GenreConfusionDisplay.from_predictions([7, 7, 3], [7, 3, 3], order=[7, 3])
    assert _cells(display) == [["1", "1"], ["", "1"]]
    assert _names(display.ax_.yaxis) == ["7", "3"]


def test_a_frame_brings_its_labels():
    frame = pd.DataFrame([[2, 0], [1, 3]], index=["jazz", "rock"], columns=["jazz", "rock"])
    assert _names(GenreConfusionDisplay(frame).plot().ax_.yaxis) == ["jazz", "rock"]


def test_columns_of_a_frame_may_have_an_order_of_their_own():
    frame = pd.DataFrame([[1, 2], [3, 0]], index=["jazz", "rock"], columns=["rock", "jazz"])
    display = GenreConfusionDisplay(frame).plot(order="sorted")
    assert _cells(display) == [["2", "1"], ["", "3"]]


def test_nullable_labels_stay_what_they_are():
    labels = pd.array([7, 3, 7], dtype="Int64")
    display = GenreConfusionDisplay.from_predictions(labels, labels, order=pd.array([7, 3]))
    assert _names(display.ax_.yaxis) == ["7", "3"]
    answers = pd.array([True, False], dtype="boolean")
    display = GenreConfusionDisplay.from_predictions(answers, answers)
    assert _names(display.ax_.yaxis) == ["False", "True"]


def test_one_genre():
    display = GenreConfusionDisplay.from_predictions(["rock"] * 3, ["rock"] * 3)
    assert _cells(display) == [["3"]]
    assert display.ax_.get_title() == "Accuracy 100.0%, 3 clips"


def test_no_wrong_answer_leaves_genres_sorted(genres):
    display = GenreConfusionDisplay.from_predictions(genres, genres)
    assert_array_equal(display.order_, np.arange(len(genres)))


def test_genre_without_clips_is_an_empty_row():
    display = GenreConfusionDisplay.from_predictions(["a", "a"], ["a", "b"], order="sorted")
    assert _cells(display) == [["1", "1"], ["", ""]]
    assert_array_equal(display.im_.get_array(), [[0.5, 0.5], [0, 0]])


def test_genre_neither_of_the_clips_nor_predicted_is_shown_on_demand():
    display = GenreConfusionDisplay.from_predictions(["a"], ["a"], labels=["a", "b"])
    assert_array_equal(display.confusion_matrix, [[1, 0], [0, 0]])


def test_numbers_contrast_with_their_cells(predict):
    y_true, y_pred, _ = predict(list("abcdefgh"))
    display = GenreConfusionDisplay.from_predictions(y_true, y_pred)

    def luminance(colour):  # WCAG 2.1
        rgb = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in to_rgb(colour)]
        return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]

    texts, shares = display.text_.ravel(), display.im_.get_array().ravel()
    for text, share in zip(texts[shares > 0], shares[shares > 0], strict=True):
        dark, light = sorted([luminance(text.get_color()), luminance(display.im_.cmap(share))])
        assert (light + 0.05) / (dark + 0.05) > 4.5


def test_names_and_numbers_can_be_read(predict, genres, paper, assert_legible):
    y_true, y_pred, _ = predict(genres, n_clips=150)
    display = GenreConfusionDisplay.from_predictions(y_true, y_pred, ax=paper())
    assert_legible(display.figure_)
    for (row, column), text in np.ndenumerate(display.text_):
        if text is None:
            continue
        cell = display.ax_.transData.transform(
            [[column - 0.5, row + 0.5], [column + 0.5, row - 0.5]]
        )
        box = text.get_window_extent()
        assert np.all(cell[0] <= [box.x0, box.y0])
        assert np.all(cell[1] >= [box.x1, box.y1])


def test_names_are_whole_in_a_figure_of_its_own(predict, genres):
    y_true, y_pred, _ = predict(genres)
    display = GenreConfusionDisplay.from_predictions(y_true, y_pred)
    shown = [name.replace("\n", " ") for name in _names(display.ax_.yaxis)]
    assert shown == list(display.display_labels[display.order_])


def test_shortened_names_stay_distinct(assert_legible):
    names = [f"International Folk and Traditional Music of the World, part {i}" for i in range(12)]
    ax = plt.figure(figsize=(2.5, 2.5), layout="constrained").add_subplot()
    display = GenreConfusionDisplay.from_predictions(names, names, ax=ax)
    shown = _names(display.ax_.yaxis)
    assert len(set(shown)) == 12
    assert all("…" in name for name in shown)
    assert_legible(display.figure_)


def test_of_a_hundred_genres_in_a_small_figure_some_are_named_and_no_number_is_shown(
    assert_legible,
):
    genres = [f"genre {i:03}" for i in range(100)]
    ax = plt.figure(figsize=(3, 3), layout="constrained").add_subplot()
    display = GenreConfusionDisplay.from_predictions(genres, genres, ax=ax)
    assert display.text_ is None
    assert 5 < sum(bool(name) for name in _names(ax.yaxis)) < 50
    assert_legible(display.figure_)


def test_very_long_names_are_cut_before_they_are_measured(monkeypatch):
    from matplotlib.textpath import text_to_path

    lengths = []
    measure = text_to_path.get_text_width_height_descent
    monkeypatch.setattr(
        text_to_path,
        "get_text_width_height_descent",
        lambda line, *args, **kwargs: lengths.append(len(line)) or measure(line, *args, **kwargs),
    )
    names = ["a word and another " * 150 + f"part {i}" for i in range(3)]
    display = GenreConfusionDisplay.from_predictions(names, names)
    assert max(lengths) < 250
    assert len(lengths) < 1000
    shown = _names(display.ax_.yaxis)
    assert len(set(shown)) == 3
    assert all("…" in name for name in shown)


def test_a_picture_of_very_many_genres_is_small_and_has_text_where_there_are_clips():
    genres = [f"genre {i:03}" for i in range(120)]
    display = GenreConfusionDisplay.from_predictions(genres, genres, order="sorted")
    assert max(display.figure_.get_size_inches()) < 35
    assert len(display.ax_.texts) == 120
    assert _cells(display)[7][7:9] == ["1", ""]


@pytest.mark.parametrize("layout", [None, "tight", "constrained", "compressed"])
def test_axes_of_any_figure_are_drawn_into(predict, layout):
    figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout=layout)
    y_true, y_pred, _ = predict(["jazz", "rock"])
    display = GenreConfusionDisplay.from_predictions(y_true, y_pred, ax=axes[1])
    assert display.figure_ is figure
    assert display.ax_ is axes[1]
    figure.draw_without_rendering()


def test_axes_of_a_subfigure_are_drawn_into(predict):
    part = plt.figure(layout="constrained").subfigures(1, 2)[0]
    y_true, y_pred, _ = predict(["jazz", "rock"])
    display = GenreConfusionDisplay.from_predictions(y_true, y_pred, ax=part.add_subplot())
    assert display.figure_ is part
    assert display.text_ is not None


def test_settings_of_matplotlib_are_left_alone(predict):
    before = dict(plt.rcParams)
    GenreConfusionDisplay.from_predictions(*predict(["jazz", "rock"])[:2])
    assert dict(plt.rcParams) == before


def test_dollars_are_no_mathematics():
    names = ["$a_1^2$", "R&B", "50% \\frac{"]
    display = GenreConfusionDisplay.from_predictions(names, names, order=names)
    display.figure_.draw_without_rendering()
    assert _names(display.ax_.yaxis) == names
    texts = [*display.ax_.get_yticklabels(), *display.ax_.texts, display.ax_.title]
    assert not any(text.get_parse_math() for text in texts)


def test_letters_the_font_lacks_come_from_another_font():
    with plt.rc_context({"font.family": "STIXGeneral"}):  # it has no Arabic, DejaVu Sans has
        display = GenreConfusionDisplay.from_predictions(["شعبي"], ["شعبي"])
        display.figure_.savefig("/dev/null", format="png")
    label = display.ax_.get_yticklabels()[0]
    assert label.get_text() == "شعبي"
    assert label.get_fontfamily()[0] == "STIXGeneral"
    assert any(family.startswith("DejaVu") for family in label.get_fontfamily())


def test_letters_of_no_font_are_question_marks_and_said_once(caplog, monkeypatch):
    from matplotlib.font_manager import fontManager

    dejavu = [entry for entry in fontManager.ttflist if entry.name == "DejaVu Sans"]
    monkeypatch.setattr(fontManager, "ttflist", dejavu)
    _find_fonts.cache_clear()
    with caplog.at_level(logging.WARNING, logger="genreclass"):
        display = GenreConfusionDisplay.from_predictions(["J-演歌", "rock"], ["J-演歌", "rock"])
        display.figure_.savefig("/dev/null", format="png")
    _find_fonts.cache_clear()
    assert _names(display.ax_.yaxis) == ["J-??", "rock"]
    assert_array_equal(display.display_labels, ["J-演歌", "rock"])
    (record,) = caplog.records
    assert "歌演" in record.getMessage() or "演歌" in record.getMessage()


def test_control_characters_reach_no_terminal(caplog):
    name = "rock\x1b[31m\udc80"
    with caplog.at_level(logging.WARNING, logger="genreclass"):
        display = GenreConfusionDisplay.from_predictions([name], [name])
    assert _names(display.ax_.yaxis) == ["rock?[31m?"]
    (record,) = caplog.records
    assert record.getMessage().isprintable()
    assert r"\x1b\udc80" in record.getMessage()


def test_what_is_no_classifier_is_refused():
    with pytest.raises(TypeError, match="must be a fitted classifier, got a Ridge"):
        GenreConfusionDisplay.from_estimator(Ridge(), [[0.0]], ["a"])


def test_from_estimator_predicts():
    X, y = np.array([[0.0], [0.1], [1.0], [1.1]]), ["jazz", "jazz", "rock", "rock"]
    clf = LogisticRegression(C=100).fit(X, y)
    display = GenreConfusionDisplay.from_estimator(clf, X, ["jazz", "rock", "rock", "rock"])
    assert_array_equal(display.confusion_matrix, [[1, 0], [1, 2]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda D: D.from_predictions([], []), "y_true is empty"),
        (
            lambda D: D.from_predictions(["a"], ["a", "b"]),
            "y_pred has length 2, but y_true has length 1",
        ),
        (lambda D: D.from_predictions(["a"], ["b"], labels=["a"]), "labels lacks 'b'"),
        (lambda D: D(np.ones((2, 3))).plot(), r"shape \(2, 3\)"),
        (lambda D: D(np.zeros((2, 2))).plot(), "at least one clip"),
        (lambda D: D(np.eye(2) / 2).plot(), "must hold numbers of clips, got shares"),
        (lambda D: D(np.eye(2), display_labels=["a"]).plot(), "holds 1 genres, expected 2"),
        (lambda D: D(np.eye(2)).plot(order="size"), 'order must be "similarity", "sorted"'),
        (lambda D: D(np.eye(2), display_labels=["a", "a"]).plot(), "holds 'a' twice"),
        (lambda D: D.from_predictions(["a"], ["a"], labels=["a", "a"]), "labels holds 'a' twice"),
        (lambda D: D.from_predictions(["a", None], ["a", "a"]), r"y_true\[1\] is missing"),
        (lambda D: D.from_predictions(["a"], [1]), "genres such as 'a', the classifier such as 1"),
        (lambda D: D(pd.DataFrame(np.eye(2), list("ab"), list("ac"))).plot(), "other columns than"),
        (lambda D: D(np.eye(2)).plot(order=[0, 0]), "each of the 2 genres once"),
        (lambda D: D(np.eye(2)).plot(normalize="pred"), 'normalize must be None or "true"'),
    ],
)
def test_what_cannot_be_drawn_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(GenreConfusionDisplay)
