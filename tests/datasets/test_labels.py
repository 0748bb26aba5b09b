"""Genres left out of a data set."""

import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import Bunch

from genreclass.datasets import drop_genres, drop_rare_genres, load_folder, make_clips

DROPPERS = [
    pytest.param(lambda bunch: drop_genres(bunch, ["jazz"]), id="drop_genres"),
    pytest.param(lambda bunch: drop_rare_genres(bunch, min_count=2), id="drop_rare_genres"),
]
TARGET = ["rock", "jazz", "rock", "blues", "blues", "rock"]
ROWS = [0, 2, 3, 4, 5]  # of TARGET without jazz, the one genre with fewer than two clips


@pytest.fixture
def music():
    return Bunch(
        data=[f"{index}.wav" for index in range(6)],
        target=np.array(TARGET),
        target_names=["blues", "jazz", "rock"],
        groups=np.array(list("abcdef")),
        left_out={"x.m4a": "cannot be read"},
        DESCR="Six clips.\n",
    )


@pytest.mark.parametrize("drop", DROPPERS)
def test_what_belongs_to_clips_follows_in_their_order(music, drop):
    fewer = drop(music)
    assert fewer.data == ["0.wav", "2.wav", "3.wav", "4.wav", "5.wav"]
    assert list(fewer.target) == ["rock", "rock", "blues", "blues", "rock"]
    assert list(fewer.groups) == list("acdef")
    assert fewer.target_names == ["blues", "rock"]
    assert fewer.dropped == {"jazz": 1}


@pytest.mark.parametrize("drop", DROPPERS)
def test_the_given_data_set_is_untouched(music, drop):
    before = copy.deepcopy(music)
    drop(music)
    assert set(music) == set(before)
    for name in music:
        np.testing.assert_array_equal(music[name], before[name])


@pytest.mark.parametrize("drop", DROPPERS)
def test_anything_else_is_carried_over(music, drop):
    music.sample_rate = 22050
    fewer = drop(music)
    assert isinstance(fewer, Bunch)
    assert fewer.sample_rate == 22050
    assert fewer.left_out == {"x.m4a": "cannot be read"}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (list, ROWS),
        (tuple, tuple(ROWS)),
        (lambda rows: np.arange(12).reshape(6, 2), [[2 * row, 2 * row + 1] for row in ROWS]),
    ],
    ids=["list", "tuple", "2-D array"],
)
def test_data_keeps_its_type(music, make, expected):
    music.data = make(range(6))
    fewer = drop_genres(music, ["jazz"])
    assert type(fewer.data) is type(music.data)
    np.testing.assert_array_equal(fewer.data, expected)


def test_a_table_keeps_its_columns_and_index(music):
    music.data = pd.DataFrame({"mfcc": np.arange(6.0)}, index=[2, 3, 5, 10, 20, 26])
    fewer = drop_genres(music, ["jazz"])
    pd.testing.assert_frame_equal(
        fewer.data, pd.DataFrame({"mfcc": [0.0, 2, 3, 4, 5]}, index=[2, 5, 10, 20, 26])
    )


@pytest.mark.parametrize("drop", DROPPERS)
def test_any_array_with_an_entry_for_each_clip_follows(music, drop):
    music.track_ids = np.arange(6)
    music.titles = pd.Series(list("abcdef"))
    fewer = drop(music)
    assert list(fewer.track_ids) == ROWS
    assert list(fewer.titles) == list("acdef")


def test_names_are_not_clips_however_many_they_are(music):
    music.feature_names = np.array(list("abcdef"))
    music.left_out_too = list("abcdef")
    fewer = drop_genres(music, ["jazz"])
    assert list(fewer.feature_names) == list("abcdef")
    assert fewer.left_out_too == list("abcdef")


def test_a_data_set_without_artists_stays_without(tmp_path):
    for name in ("rock/a.wav", "jazz/b.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    fewer = drop_genres(load_folder(tmp_path), ["jazz"])
    assert fewer.groups is None
    assert [path[-10:] for path in fewer.data] == ["rock/a.wav"]


def test_exactly_min_count_clips_are_enough(music):
    assert drop_rare_genres(music, min_count=2).target_names == ["blues", "rock"]
    assert drop_rare_genres(music, min_count=np.int64(3)).target_names == ["rock"]


def test_one_call_is_enough(music):
    once = drop_rare_genres(music, min_count=2)
    assert drop_rare_genres(once, min_count=2).target_names == once.target_names


def test_what_was_dropped_adds_up_over_calls(music):
    by_name = drop_genres(music, ["jazz"])
    both = drop_rare_genres(by_name, min_count=3)
    assert by_name.dropped == {"jazz": 1}
    assert both.dropped == {"jazz": 1, "blues": 2}
    assert both.DESCR.splitlines() == [
        "Six clips.",
        "Dropped by name: jazz (1). Left: 5 clips in 2 genres.",
        "Dropped for having fewer than 3 clips: blues (2). Left: 3 clips in 1 genre.",
    ]


def test_what_one_data_set_dropped_can_be_dropped_from_another(music):
    train = drop_rare_genres(music, min_count=2)
    assert drop_genres(music, train.dropped).target_names == train.target_names


@pytest.mark.parametrize("drop", DROPPERS)
def test_a_data_set_may_say_that_nothing_was_dropped(music, drop):
    assert drop(Bunch(**music, dropped=None)).dropped == {"jazz": 1}


def test_where_nothing_is_dropped_nothing_is_said(music):
    for same in (drop_genres(music, []), drop_rare_genres(music, min_count=1)):
        assert same.dropped == {}
        assert same.DESCR == music.DESCR
        assert same.data == music.data


def test_genres_may_come_in_any_iterable(music):
    for genres in ({"jazz"}, ("jazz", "jazz"), np.array(["jazz"]), iter(["jazz"])):
        assert drop_genres(music, genres).target_names == ["blues", "rock"]


@pytest.mark.parametrize("near", ["Jaz", "JAZZ", "jazzz"])
def test_an_unknown_genre_names_the_nearest_and_those_there(music, near):
    message = f"no genre '{near}'. Did you mean 'jazz'\\? Its genres are blues, jazz, rock"
    with pytest.raises(ValueError, match=message):
        drop_genres(music, ["rock", near])


def test_no_nearest_is_named_where_none_is_near(music):
    with pytest.raises(ValueError, match=r"no genre 'polka'\. Its genres are"):
        drop_genres(music, ["polka"])


@pytest.mark.parametrize("genres", ["jazz", None, 1])
def test_what_is_no_list_of_genres_is_refused(music, genres):
    with pytest.raises(ValueError, match=f"must be a list of genres, got {genres!r}"):
        drop_genres(music, genres)


def test_a_data_set_is_never_emptied(music):
    with pytest.raises(ValueError, match="No genre would be left: blues, jazz, rock"):
        drop_genres(music, ["blues", "jazz", "rock"])
    with pytest.raises(ValueError, match="No genre has 1000 clips: the largest, 'rock', has 3"):
        drop_rare_genres(music)


@pytest.mark.parametrize(
    ("min_count", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (2.0, TypeError),
        ("2", TypeError),
        (None, TypeError),
        (True, TypeError),
    ],
)
def test_min_count_is_a_whole_number_from_one(music, min_count, error):
    with pytest.raises(error, match="min_count"):
        drop_rare_genres(music, min_count=min_count)


@pytest.mark.parametrize("drop", DROPPERS)
def test_what_is_no_data_set_is_named(music, drop):
    with pytest.raises(TypeError, match=r"got tuple\. Load it without return_X_y=True"):
        drop((music.data, music.target))
    with pytest.raises(TypeError, match=r"got list\.$"):
        drop(music.data)
    with pytest.raises(TypeError, match=r"got Bunch\.$"):
        drop(Bunch(data=music.data))


@pytest.mark.parametrize("drop", DROPPERS)
def test_data_and_labels_of_different_length_are_refused(music, drop):
    music.data = music.data[1:]
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        drop(music)


def test_a_data_set_without_clips_is_refused(music):
    music.data, music.target, music.groups = [], np.array([], dtype=str), None
    with pytest.raises(ValueError, match="holds no clips"):
        drop_rare_genres(music, min_count=1)


def test_errors_are_one_line():
    clips = make_clips(3, duration=0.1, random_state=0)
    for drop, argument in ((drop_genres, ["bell"]), (drop_genres, "bells"), (drop_rare_genres, 9)):
        with pytest.raises(ValueError, match=r"\S") as caught:
            drop(clips, argument)
        assert "\n" not in str(caught.value)


def test_ten_genres_of_fma_have_a_thousand_tracks(shared):
    folder = shared / "data" / "fma" / "metadata"
    fma = _fma_by_top_level(folder)
    kept = drop_rare_genres(drop_genres(fma, ["International"]))
    assert kept.target_names == sorted(
        "Electronic Experimental Rock Pop Folk Hip-Hop Instrumental Jazz Classical Blues".split()  # noqa: SIM905
    )
    sizes = pd.Series(fma.target).value_counts()
    pd.testing.assert_series_equal(
        pd.Series(kept.target).value_counts(), sizes[kept.target_names].sort_values(ascending=False)
    )
    assert kept.dropped == sizes.drop(kept.target_names).to_dict()
    assert len(kept.data) + sum(kept.dropped.values()) == len(fma.data)


def _fma_by_top_level(folder):
    """All tracks that have a genre, each under the top-level parent of its first one."""
    genres = pd.read_csv(folder / "genres.csv", index_col="genre_id")
    tracks = pd.read_csv(folder / "track_genres_106574.csv")
    first = tracks.genres.str.extract(r"\[(\d+)", expand=False)
    tracks, first = tracks[first.notna()], first.dropna().astype(int)
    names = genres.title[genres.top_level[first]].to_numpy()
    return Bunch(
        data=tracks.track_id.to_numpy(),
        target=names,
        target_names=sorted(set(names)),
        groups=None,
        left_out={},
        DESCR="FMA.",
    )
