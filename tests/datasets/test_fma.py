"""FMA, from a copy of the user's own."""

import ast
import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genreclass.datasets import load_fma
from genreclass.exceptions import DatasetNotFoundError

TEN = "Blues Classical Electronic Experimental Folk Hip-Hop Instrumental Jazz Pop Rock".split()  # noqa: SIM905
EIGHT = ["Electronic", "Experimental", "Folk", "Hip-Hop", "Instrumental", "International"]
EIGHT += ["Pop", "Rock"]


def write_tracks(folder, ids, **columns):
    """tracks.csv as pandas writes it for FMA, with the columns a loader needs."""
    names = {
        "artist": ("artist", "id"),
        "split": ("set", "split"),
        "subset": ("set", "subset"),
        "genre_top": ("track", "genre_top"),
        "genres": ("track", "genres"),
        "license": ("track", "license"),
        "title": ("track", "title"),
    }
    defaults = {"split": "training", "subset": "small", "genres": "[]", "title": "A song"}
    table = pd.DataFrame(
        {
            names[column]: columns.get(column, defaults.get(column, np.arange(len(ids)) // 2))
            for column in names
        },
        index=pd.Index(ids, name="track_id"),
    )
    table.columns = pd.MultiIndex.from_tuples(table.columns)
    folder.mkdir(exist_ok=True)
    table.to_csv(folder / "tracks.csv")


def write_features(folder, ids, columns=(("mfcc", "mean", "01"), ("zcr", "max", "01"))):
    """features.csv with numbers that tell track and column."""
    values = np.arange(len(ids) * len(columns)).reshape(len(ids), -1) / 7
    table = pd.DataFrame(values, index=pd.Index(ids, name="track_id"))
    table.columns = pd.MultiIndex.from_tuples(columns, names=["feature", "statistics", "number"])
    table.to_csv(folder / "features.csv")
    return table


def touch_audio(folder, ids, suffix="mp3"):
    for track in ids:
        path = folder / f"{track // 1000:03}" / f"{track:06}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture(scope="session")
def tables(shared):
    return shared / "data" / "fma"


@pytest.fixture(scope="module")
def piece(tables, tmp_path_factory):
    """The first 682 tracks of the real tables, and two columns of features for each."""
    folder = tmp_path_factory.mktemp("fma") / "fma_metadata"
    folder.mkdir()
    shutil.copy(tables / "metadata" / "tracks_slice.csv", folder / "tracks.csv")
    shutil.copy(tables / "metadata" / "genres.csv", folder)
    write_features(folder, as_fma_reads_it(folder).index)
    return folder


@pytest.fixture
def small(tmp_path):
    """Forty tracks of two genres by twenty artists, and two genres more in the tree."""
    folder = tmp_path / "fma_metadata"
    ids = np.arange(1, 41) * 3
    genre = np.where(np.arange(40) < 20, "Rock", "Jazz")
    split = np.repeat(["training", "validation", "test", "training"], 10)
    write_tracks(folder, ids, genre_top=genre, split=split, license="CC BY")
    write_features(folder, ids)
    rows = "12,0,0,Rock,12\n4,0,0,Jazz,4\n2,0,0,International,2\n25,0,12,Punk,12\n"
    (folder / "genres.csv").write_text("genre_id,#tracks,parent,title,top_level\n" + rows)
    return folder


def as_fma_reads_it(folder):
    """tracks.csv, read as FMA's authors do."""
    return pd.read_csv(folder / "tracks.csv", index_col=0, header=[0, 1])


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


class TestRealTables:
    @pytest.mark.parametrize(
        ("subset", "expected"), [("small", 58), ("medium", 194), ("large", 682), ("full", 682)]
    )
    def test_subsets_hold_those_before(self, piece, subset, expected):
        bunch = load_fma(piece, subset=subset)
        assert len(bunch.data) + len(bunch.left_out) == expected
        marks = as_fma_reads_it(piece)["set", "subset"][bunch.track_ids]
        order = ["small", "medium", "large"]
        assert set(marks) == set(order[: order.index({"full": "large"}.get(subset, subset)) + 1])

    def test_official_genres_are_kept_and_missing_ones_come_from_the_tree(self, piece):
        bunch = load_fma(piece, subset="full")
        tracks = as_fma_reads_it(piece).loc[bunch.track_ids]
        official = tracks["track", "genre_top"]
        known = official.notna().to_numpy()
        assert list(bunch.target[known]) == list(official[known])
        # `genres_all` lists every parent of a track's genres, by its authors' own reckoning.
        titles = pd.read_csv(piece / "genres.csv", index_col="genre_id").title
        every = tracks["track", "genres_all"][~known].map(ast.literal_eval)
        assert all(
            genre in titles[parents].tolist()
            for genre, parents in zip(bunch.target[~known], every, strict=True)
        )
        assert (~known).sum() == 50
        assert list(bunch.left_out.values()) == ["no genre in tracks.csv"]
        assert "Genres filled in from the first that a track lists: 50." in bunch.DESCR

    def test_genres_are_filled_in_only_when_asked_for(self, piece):
        bunch = load_fma(piece, subset="full", fill_missing=False)
        assert len(bunch.data) == 682 - 51
        assert len(bunch.left_out) == 51
        assert "Left out: 51 with no genre in tracks.csv." in bunch.DESCR

    def test_what_is_known_of_each_track(self, piece):
        bunch = load_fma(piece, subset="medium")
        tracks = as_fma_reads_it(piece).loc[bunch.track_ids]
        assert list(bunch.groups) == [f"artist {artist}" for artist in tracks["artist", "id"]]
        assert list(bunch.titles) == list(tracks["track", "title"])
        assert list(bunch.licenses) == list(tracks["track", "license"])
        assert bunch.target_names == sorted(set(tracks["track", "genre_top"]))
        assert list(bunch.data.index) == list(bunch.track_ids)
        for needed in ("Defferrard", "1612.01840", "CC BY 4.0"):
            assert needed in bunch.DESCR

    def test_official_parts_cover_the_subset_and_share_no_artist(self, piece):
        parts = [
            load_fma(piece, subset="full", split=split) for split in ("train", "valid", "test")
        ]
        assert [len(part.data) for part in parts] == [562, 48, 71]
        whole = load_fma(piece, subset="full")
        ids = np.concatenate([part.track_ids for part in parts])
        assert sorted(ids) == sorted(whole.track_ids)
        artists = [set(part.groups) for part in parts]
        assert sum(map(len, artists)) == len(set.union(*artists))

    def test_a_drawn_split_covers_the_subset_and_shares_no_artist(self, piece):
        draw = {"subset": "full", "min_count": 60, "split_seed": 0}
        parts = [load_fma(piece, **draw, split=split) for split in ("train", "valid", "test")]
        whole = load_fma(piece, **draw)
        assert sorted(np.concatenate([part.track_ids for part in parts])) == list(whole.track_ids)
        artists = [set(part.groups) for part in parts]
        assert sum(map(len, artists)) == len(set.union(*artists))
        assert set(whole.track_ids[whole.splits == "valid"]) == set(parts[1].track_ids)
        assert "split test (drawn by 0)" in parts[2].DESCR

    def test_the_140_published_columns(self, tables, tmp_path):
        """1,000 tracks of Rock and of Hip-Hop by their genres' parents, ten rows of them empty."""
        source = tables / "features" / "fma_mfcc140_2000.csv"
        expected = pd.read_csv(source, index_col=0, header=[0, 1, 2])
        listed = tables / "metadata" / "track_genres_106574.csv"
        listed = pd.read_csv(listed, index_col="track_id").genres.fillna("[]")[expected.index]
        write_tracks(tmp_path, expected.index, genres=listed, genre_top="")
        shutil.copy(tables / "metadata" / "genres.csv", tmp_path)
        shutil.copy(source, tmp_path / "features.csv")

        bunch = load_fma(tmp_path)
        assert bunch.data.shape == (1990, 140)
        assert (bunch.data.dtypes == np.float32).all()
        expected = expected.dropna()
        np.testing.assert_array_equal(bunch.data, expected.astype(np.float32))
        assert bunch.feature_names == list(bunch.data.columns)
        assert bunch.feature_names == ["_".join(column) for column in expected.columns]
        assert "mfcc_mean_01" in bunch.feature_names
        assert set(bunch.left_out) == {
            f"track {track}" for track in (2, 5, 182, 255, 256, 368, 459, 574, 676, 690)
        }
        assert "Left out: 10 with a row in features.csv that is empty or not finite." in bunch.DESCR
        # A thousand each, less seven and three empty rows.
        assert [(bunch.target == genre).sum() for genre in ("Rock", "Hip-Hop")] == [993, 997]

    def test_published_columns_join_the_real_tracks(self, piece, tables, tmp_path):
        for name in ("tracks.csv", "genres.csv"):
            shutil.copy(piece / name, tmp_path)
        shutil.copy(tables / "features" / "fma_mfcc140_2000.csv", tmp_path / "features.csv")
        bunch = load_fma(tmp_path, split="train")
        assert list(bunch.track_ids) == [694, 695, 777, 825]
        assert list(bunch.target) == ["Hip-Hop", "Hip-Hop", "Rock", "Rock"]
        assert "Rows of features.csv that belong to no track of tracks.csv: 1986." in bunch.DESCR

    def test_ten_genres_have_a_thousand_tracks_of_all(self, tables, tmp_path):
        listed = pd.read_csv(
            tables / "metadata" / "track_genres_106574.csv", index_col="track_id"
        ).genres.fillna("[]")
        write_tracks(tmp_path, listed.index, genres=listed, genre_top="", subset="large")
        write_features(tmp_path, listed.index, [("mfcc", "mean", "01")])
        shutil.copy(tables / "metadata" / "genres.csv", tmp_path)

        bunch = load_fma(tmp_path, subset="full", drop=["International"], min_count=1000)
        assert bunch.target_names == TEN
        assert set(bunch.dropped) == {
            "Country",
            "Easy Listening",
            "International",
            "Old-Time / Historic",
            "Soul-RnB",
            "Spoken",
        }
        assert len(bunch.left_out) == (listed == "[]").sum() == 2785
        assert len(bunch.data) == 106574 - 2785 - sum(bunch.dropped.values())
        assert pd.Series(bunch.target).value_counts().min() >= 1000

    def test_the_small_subset_keeps_its_eight_genres(self, tables, tmp_path):
        labels = pd.read_csv(
            tables / "metadata" / "fma_small_8000_labels.csv", index_col="track_id"
        )
        labels = labels.sort_index()
        write_tracks(tmp_path, labels.index, genre_top=labels.genre, title=labels.title)
        shutil.copy(tables / "metadata" / "genres.csv", tmp_path)
        # Two tracks without features must not make their genres rare.
        write_features(tmp_path, labels.index[2:])
        bunch = load_fma(tmp_path, min_count=1000)
        assert bunch.target_names == EIGHT
        assert bunch.dropped == {}
        assert len(bunch.data) == 7998
        assert list(bunch.titles) == list(labels.title.fillna("")[2:])

    def test_filled_in_genres_are_the_official_ones_where_both_are_known(self, tables, tmp_path):
        folder = tables / "metadata"
        official = pd.read_csv(folder / "fma_small_8000_labels.csv", index_col="track_id").genre
        listed = pd.read_csv(folder / "track_genres_106574.csv", index_col="track_id").genres
        listed = listed[official.index].fillna("[]")
        write_tracks(tmp_path, official.index, genre_top="", genres=listed)
        write_features(tmp_path, official.index)
        shutil.copy(folder / "genres.csv", tmp_path)
        bunch = load_fma(tmp_path)
        assert len(bunch.data) == 8000 - 11  # the list has no genre for eleven of them
        assert list(bunch.target) == list(official[bunch.track_ids])


class TestSteps:
    def test_every_track_of_the_subset_is_accounted_for(self, small):
        ids = np.arange(1, 44) * 3
        genre = np.array(["Rock"] * 20 + ["Jazz"] * 19 + ["International"] * 3 + [""])
        write_tracks(small, ids, genre_top=genre)
        write_features(small, ids[2:])
        bunch = load_fma(small, drop=["International"], min_count=20)
        assert bunch.target_names == ["Rock"]
        assert bunch.dropped == {"International": 3, "Jazz": 19}
        assert bunch.left_out == {
            "track 129": "no genre in tracks.csv",
            "track 3": "no row in features.csv",
            "track 6": "no row in features.csv",
        }
        assert len(bunch.data) == 18 == 43 - 3 - 22

    def test_genres_are_counted_before_the_split_is_taken(self, small):
        for split in ("train", "valid"):
            assert load_fma(small, min_count=20, split=split).dropped == {}

    def test_the_official_genre_stands_against_the_tree(self, small):
        write_tracks(small, [3, 6], genre_top=["Jazz", ""], genres="[25, 4]")
        assert list(load_fma(small).target) == ["Jazz", "Rock"]

    def test_a_genre_that_is_not_in_the_tree_is_none(self, small):
        write_tracks(small, [3, 6], genre_top="", genres=["[99]", "[4]"])
        assert load_fma(small).left_out == {"track 3": "no genre in tracks.csv"}

    def test_a_genre_to_drop_need_not_be_in_the_subset(self, small):
        bunch = load_fma(small, drop={"International"})
        assert bunch.dropped == {}
        assert len(bunch.data) == 40

    def test_a_drawn_split_is_the_same_for_sound_and_features(self, small):
        touch_audio(small.parent / "fma_small", range(3, 100, 3))
        sound = load_fma(small, split_seed=1, source="audio")
        table = load_fma(small, split_seed=1)
        assert len(sound.data) == 33  # the last seven tracks have no file
        assert list(sound.splits) == list(table.splits[: len(sound.data)])
        assert sorted(set(table.splits)) == ["test", "train", "valid"]
        assert list(load_fma(small, split_seed=2).splits) != list(table.splits)

    def test_a_drawn_split_is_stratified(self, small):
        bunch = load_fma(small, split_seed=0)
        shares = pd.crosstab(bunch.target, bunch.splits)
        assert (shares == pd.DataFrame({"test": 2, "train": 16, "valid": 2}, shares.index)).all(
            axis=None
        )

    def test_a_track_without_an_artist_is_a_group_of_its_own(self, small):
        write_tracks(small, [3, 6, 9], genre_top="Rock", artist=["", 5, ""])
        assert list(load_fma(small).groups) == ["track 3", "artist 5", "track 9"]

    def test_a_song_may_be_called_none(self, small):
        write_tracks(small, [3, 6, 9], genre_top="Rock", title=["None", "NA", ""], license="")
        bunch = load_fma(small)
        assert list(bunch.titles) == ["None", "NA", ""]
        assert list(bunch.licenses) == ["", "", ""]

    @pytest.mark.parametrize("value", ["", "nan", "inf", "-inf", "1e60"])
    def test_a_row_that_is_not_finite_is_left_out(self, small, value):
        edit(small / "features.csv", "\n6,0.2857142857142857,", f"\n6,{value},")
        bunch = load_fma(small)
        assert bunch.left_out == {"track 6": "a row in features.csv that is empty or not finite"}
        assert np.isfinite(bunch.data.to_numpy()).all()

    def test_a_table_of_few_tracks_is_logged(self, small, caplog):
        write_features(small, np.arange(1, 31) * 3)
        load_fma(small)
        assert not caplog.records  # a quarter is left out: left_out says which
        write_features(small, np.arange(1, 11) * 3)
        load_fma(small)
        assert "30 of the 40 tracks have no features" in caplog.text
        assert [record.levelname for record in caplog.records] == ["WARNING"]

    def test_rows_are_matched_by_track_not_by_place(self, small):
        table = write_features(small, np.arange(40, 0, -1) * 3)
        bunch = load_fma(small)
        expected = table.loc[bunch.track_ids].astype(np.float32)
        np.testing.assert_array_equal(bunch.data, expected)

    def test_518_columns_are_one_block(self, small):
        columns = [("mfcc", "mean", f"{number:03}") for number in range(518)]
        write_features(small, np.arange(1, 41) * 3, columns)
        data = load_fma(small).data
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pandas calls a table of many blocks fragmented
            data.insert(0, "mine", 0.0)
        assert data.shape == (40, 519)

    def test_data_and_target_alone(self, small):
        X, y = load_fma(small, split="valid", return_X_y=True)
        assert X.shape == (10, 2)
        assert list(y) == ["Rock"] * 10


class TestEchonest:
    @pytest.fixture
    def echonest(self, small):
        """As pandas writes it: names and numbers under three levels."""
        columns = [
            ("echonest", "audio_features", "acousticness"),
            ("echonest", "audio_features", "valence"),
            ("echonest", "metadata", "artist_name"),
            ("echonest", "temporal_features", "000"),
        ]
        table = pd.DataFrame(
            [[0.5, 0.25, "A, B\nand C", 9.0], [0.125, 1.0, 'The "D"', 8.0]],
            index=pd.Index([6, 9], name="track_id"),
            columns=pd.MultiIndex.from_tuples(columns),
        )
        table.to_csv(small / "echonest.csv")
        return small

    def test_audio_features_are_taken(self, echonest):
        bunch = load_fma(echonest, source="echonest")
        expected = pd.DataFrame(
            {"acousticness": [0.5, 0.125], "valence": [0.25, 1.0]},
            index=pd.Index([6, 9], name="track_id"),
            dtype=np.float32,
        )
        pd.testing.assert_frame_equal(bunch.data, expected)
        assert len(bunch.left_out) == 38
        assert "Left out: 38 with no row in echonest.csv." in bunch.DESCR

    def test_a_table_of_something_else_is_refused(self, echonest):
        shutil.copy(echonest / "features.csv", echonest / "echonest.csv")
        with pytest.raises(ValueError, match="none of the columns expected"):
            load_fma(echonest, source="echonest")


class TestAudio:
    @pytest.mark.parametrize(
        ("where", "root"),
        [
            ("fma_small", "fma_metadata"),
            ("fma_small", "."),
            ("fma_small/fma_small", "."),
            ("fma_metadata/fma_small", "fma_metadata"),
            ("fma_medium", "."),
            ("fma_large", "fma_metadata"),
        ],
    )
    def test_audio_is_found_in_and_beside_the_root(self, small, where, root):
        touch_audio(small.parent / where, range(3, 121, 3))
        bunch = load_fma(small.parent / root, source="audio")
        expected = [small.parent / where / "000" / f"{track:06}.mp3" for track in range(3, 121, 3)]
        assert [Path(path) for path in bunch.data] == expected
        assert bunch.left_out == {}
        assert "feature_names" not in bunch

    @pytest.mark.parametrize("root", [".", "../fma_metadata"])
    def test_a_relative_root(self, small, root, monkeypatch):
        touch_audio(small.parent / "fma_small", [3])
        monkeypatch.chdir(small)
        assert os.path.samefile(
            load_fma(root, source="audio").data[0], small.parent / "fma_small/000/000003.mp3"
        )

    def test_real_clips(self, piece, tables, tmp_path):
        for name in ("tracks.csv", "genres.csv"):
            shutil.copy(piece / name, tmp_path)
        (tmp_path / "fma_large").mkdir()
        (tmp_path / "fma_large" / "000").symlink_to(tables / "clips")
        bunch = load_fma(tmp_path, subset="large", source="audio")
        assert [Path(path).name for path in bunch.data] == [
            f"{track:06}.mp3" for track in (2, 3, 182, 255)
        ]
        assert all(os.path.isfile(path) for path in bunch.data)
        assert set(bunch.target) == {"Hip-Hop", "Rock"}
        assert len(bunch.left_out) == 682 - 4

    def test_tracks_without_a_file_are_named_and_counted(self, small):
        touch_audio(small.parent / "fma_small", [3, 9])
        touch_audio(small.parent / "fma_small", [12], suffix="m4a")  # cannot be read
        touch_audio(small.parent / "fma_medium", [6, 9, 123])
        bunch = load_fma(small, source="audio")
        assert [Path(path).parts[-3:] for path in bunch.data] == [
            ("fma_small", "000", "000003.mp3"),
            ("fma_medium", "000", "000006.mp3"),
            ("fma_small", "000", "000009.mp3"),
        ]
        assert len(bunch.left_out) == 37
        assert bunch.left_out["track 12"] == "no file in fma_small or fma_medium or fma_large"
        assert "Left out: 37 with no file" in bunch.DESCR

    def test_whole_recordings_are_not_taken_for_clips_nor_clips_for_them(self, small):
        touch_audio(small.parent / "fma_full", [3])
        touch_audio(small.parent / "fma_large", [3])
        for subset, folder in (("full", "fma_full"), ("large", "fma_large")):
            (path,) = load_fma(small, subset=subset, source="audio").data
            assert Path(path).parts[-3] == folder

    def test_no_audio_at_all_says_what_was_looked_for(self, small):
        with pytest.raises(DatasetNotFoundError) as caught:
            load_fma(small, source="audio")
        message = str(caught.value)
        for part in ("000/000003.mp3", "fma_small or fma_medium or fma_large", str(small.parent)):
            assert part in message


class TestMistakes:
    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"subset": "tiny"}, "subset must be one of .*got 'tiny'"),
            ({"split": "training"}, "split must be one of .*got 'training'"),
            ({"source": "mel"}, "source must be one of .*got 'mel'"),
            ({"drop": "Rock"}, "drop must be a list of genres, got 'Rock'"),
            ({"drop": None}, "drop must be a list of genres, got None"),
            ({"drop": ["rock"]}, "no genre 'rock'. Did you mean 'Rock'"),
            ({"drop": ["Punk"]}, "no genre 'Punk'"),
            ({"drop": ["Rock", "Jazz"]}, "No genre would be left"),
            ({"min_count": 0}, "min_count"),
            ({"min_count": 21}, "No genre has 21 clips: the largest, 'Jazz', has 20"),
            ({"split_seed": -1}, "split_seed"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, small, parameters, message):
        with pytest.raises(ValueError, match=message) as caught:
            load_fma(small, **parameters)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("seed", [True, 1.0, "1"])
    def test_a_seed_is_a_whole_number(self, small, seed):
        with pytest.raises(TypeError, match="split_seed"):
            load_fma(small, split_seed=seed)

    def test_a_split_is_not_drawn_from_too_few(self, small):
        write_tracks(small, np.arange(1, 41) * 3, genre_top=["Rock"] * 31 + ["Jazz"] * 9)
        with pytest.raises(ValueError, match=r"got 9 of 'Jazz' and 20 artists\. Give min_count=10"):
            load_fma(small, split_seed=0)
        write_tracks(small, np.arange(1, 41) * 3, genre_top="Rock", artist=7)
        with pytest.raises(ValueError, match="and 1 artists"):
            load_fma(small, split_seed=0)

    def test_no_folder_and_a_folder_without_tables(self, tmp_path):
        with pytest.raises(DatasetNotFoundError, match="does not exist"):
            load_fma(tmp_path / "nowhere")
        with pytest.raises(DatasetNotFoundError, match=r"no tracks\.csv in .*fma_metadata"):
            load_fma(tmp_path)

    @pytest.mark.parametrize("name", ["genres.csv", "features.csv"])
    def test_a_missing_table_is_named(self, small, name):
        (small / name).unlink()
        with pytest.raises(DatasetNotFoundError, match=f"There is no {name}"):
            load_fma(small)

    def test_what_is_not_there_is_not_found(self, small):
        write_tracks(small, [1, 2], genre_top="Rock", subset="large")
        with pytest.raises(DatasetNotFoundError, match="no track of subset 'small'"):
            load_fma(small)
        with pytest.raises(DatasetNotFoundError, match=r"left out: 2 with no row in features\.csv"):
            load_fma(small, subset="full")
        write_tracks(small, [3, 6], genre_top="Rock")
        with pytest.raises(DatasetNotFoundError, match="in the test split"):
            load_fma(small, split="test")
        write_tracks(small, [3, 6], genre_top="")
        with pytest.raises(DatasetNotFoundError, match=r"left out: 2 with no genre in tracks\.csv"):
            load_fma(small)

    @pytest.mark.parametrize("name", ["tracks.csv", "genres.csv", "features.csv"])
    @pytest.mark.parametrize("kept", [0.97, 0.5, 0.02, 0.0])
    def test_a_table_that_was_cut_is_refused(self, small, name, kept):
        path = small / name
        content = path.read_bytes()
        path.write_bytes(content[: int(kept * len(content))].rstrip(b"\n"))
        with pytest.raises(ValueError, match=name) as caught:
            load_fma(small)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", ["tracks.csv", "genres.csv", "features.csv"])
    @pytest.mark.parametrize("content", [b"<html>\n<body>\n</body>\n</html>\n\n", b"\x89PNG\x00\n"])
    def test_a_file_of_another_kind_is_refused(self, small, name, content):
        (small / name).write_bytes(content)
        with pytest.raises(ValueError, match=name) as caught:
            load_fma(small)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "old", "new", "message"),
        [
            ("features.csv", "\n6,0.28", "\n6,x", "could not convert"),
            ("features.csv", "\n6,", "\n3,", "track 3 is in it twice"),
            ("features.csv", "\n6,", "\n6,1,1,", "damaged"),
            ("features.csv", "\n3,", "\n3,1,", "its first lines differ in length"),
            ("features.csv", "\n6,", "\nsix,", "damaged"),
            ("features.csv", "max", "mean", "damaged"),
            ("tracks.csv", "\n6,", "\n3,", "track 3 is in it twice"),
            ("tracks.csv", "license", "rights", "no column track/license"),
            (
                "tracks.csv",
                "\n6,0,training",
                "\n6,0,learning",
                "the split of track 6 is 'learning'",
            ),
            ("tracks.csv", "training,small", "training,tiny", "the subset of track 3 is 'tiny'"),
            ("genres.csv", "\n4,", "\n12,", "genre 12 is in it twice"),
            ("genres.csv", "top_level", "parents", "damaged"),
            ("genres.csv", "\n4,", "\nfour,", "damaged"),
        ],
    )
    def test_a_damaged_table_is_named(self, small, name, old, new, message):
        edit(small / name, old, new)
        if (old, new) == ("max", "mean"):
            edit(small / name, "zcr", "mfcc")
        with pytest.raises(ValueError, match=message) as caught:
            load_fma(small)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
