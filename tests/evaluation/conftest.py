"""Pictures without windows, and what is asked of each of them."""

from __future__ import annotations

from itertools import pairwise

import matplotlib
import numpy as np
import pytest

# Before pyplot is imported, so that no window is opened.
matplotlib.use("Agg")

LONG = "International Folk & Traditional / Singer-Songwriter"

#: Genres of three data sets, the last with names as long as they come.
GENRES = {
    3: ["metal", "rock", LONG],
    10: [
        "blues",
        "classical",
        "country",
        "disco",
        "hiphop",
        "jazz",
        "metal",
        "pop",
        "reggae",
        "rock",
    ],
    16: [
        LONG,
        "Blues",
        "Classical",
        "Country",
        "Easy Listening",
        "Electronic",
        "Experimental",
        "Hip-Hop / Rap & $pecial_beats^2$",
        "Instrumental",
        "International Rhythm & Blues / Soul",
        "Jazz",
        "Old-Time / Historic",
        "Pop",
        "Rock",
        "Soul-RnB",
        "Spoken",
    ],
}


@pytest.fixture(autouse=True)
def _closed_figures():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture(params=GENRES, ids=lambda n: f"{n} genres")
def genres(request):
    return GENRES[request.param]


@pytest.fixture
def long_name():
    return LONG


@pytest.fixture(params=["notebook", "print"])
def paper(request):
    """Makes the axes to draw into: None for a figure of its own, or a column of a journal."""
    import matplotlib.pyplot as plt

    def make(height: float = 3.5):
        if request.param == "notebook":
            return None
        return plt.figure(figsize=(3.5, height), dpi=300, layout="constrained").add_subplot()

    return make


@pytest.fixture
def predict():
    """Makes labels and probabilities of a classifier that is wrong now and then."""

    def make(genres, n_clips=30):
        generator = np.random.default_rng(0)
        y_true = np.repeat(np.arange(len(genres)), n_clips)
        scores = generator.normal(size=(len(y_true), len(genres))) + 2 * np.eye(len(genres))[y_true]
        scores[np.arange(len(y_true)), (y_true * 3 + 1) % len(genres)] += 0.8
        proba = np.exp(scores)
        proba /= proba.sum(axis=1, keepdims=True)
        labels = np.array(genres)
        return labels[y_true], labels[proba.argmax(axis=1)], proba

    return make


def _tick_labels(axis):
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [tick.label1 for tick in ticks if tick.label1.get_visible() and tick.label1.get_text()]


@pytest.fixture
def assert_legible():
    """No text is outside the figure or too small to read, and no tick labels overlap."""

    def check(figure):
        figure.draw_without_rendering()
        for ax in figure.axes:
            if not ax.axison:
                continue
            texts = [*ax.texts, ax.title, ax.xaxis.label, ax.yaxis.label]
            if ax.get_legend() is not None:
                texts += ax.get_legend().get_texts()
            for axis in (ax.xaxis, ax.yaxis):
                labels = _tick_labels(axis)
                texts += labels
                boxes = [text.get_window_extent().padded(-0.5) for text in labels]
                for one, other in pairwise(boxes):
                    assert not one.overlaps(other), [text.get_text() for text in labels]
            for text in texts:
                if not text.get_text():
                    continue
                assert text.get_fontsize() >= 4, text
                box = text.get_window_extent()
                inside = figure.bbox.padded(1)
                assert inside.contains(box.x0, box.y0), text
                assert inside.contains(box.x1, box.y1), text

    return check
