"""GTZAN, from a copy of the user's own."""

import logging
import shutil

import numpy as np
import pytest
import soundfile

from genreclass.datasets import load_gtzan
from genreclass.exceptions import DatasetNotFoundError

GENRES = "blues classical country disco hiphop jazz metal pop reggae rock".split()  # noqa: SIM905
THREE = ["classical", "jazz", "rock"]
# The sizes that Kereliuk, Sturm and Larsen (2015) state.
SIZES = {"train": 443, "valid": 197, "test": 290}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A copy with every clip's name, and the popular copy's fault."""
    root = tmp_path_factory.mktemp("gtzan")
    for genre in GENRES:
        folder = root / "Data" / "genres_original" / genre
        folder.mkdir(parents=True)
        for number in range(100):
            (folder / f"{genre}.{number:05}.wav").touch()
    (root / "Data" / "images_original").mkdir()
    (root / "Data" / "images_original" / "jazz00001.png").touch()
    return root


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_the_splits_have_their_published_sizes(whole, split):
    bunch = load_gtzan(whole, split=split)
    fault = 1 if split == "train" else 0  # jazz.00054 is in the training list
    assert len(bunch.data) == len(bunch.target) == len(bunch.groups) == SIZES[split] - fault
    assert len(bunch.target_names) == 10


def test_no_clip_and_no_artist_is_on_two_sides(whole):
    sides = [load_gtzan(whole, split=split) for split in SIZES]
    for i, one in enumerate(sides):
        for other in sides[i + 1 :]:
            assert not set(one.data) & set(other.data)
            # The splits and the artist ids are by different authors, who differ about one artist.
            assert set(one.groups) & set(other.groups) <= {"artist 138"}


def test_everything_is_loaded_without_a_split(whole, caplog):
    with caplog.at_level(logging.WARNING, logger="genreclass"):
        bunch = load_gtzan(whole)
    assert len(bunch.data) == 999
    assert [name[-14:] for name in bunch.left_out] == ["jazz.00054.wav"]
    assert "jazz.00054.wav (a known fault" in caplog.text
    with_artist = [group for group in bunch.groups if group.startswith("artist")]
    assert len(with_artist) == 948 - 1  # jazz.00054 has one


def test_a_clip_without_an_artist_is_a_group_of_its_own(whole):
    bunch = load_gtzan(whole)
    alone = [group for group in bunch.groups if group.startswith("clip ")]
    assert len(alone) == len(set(alone)) == 1000 - 948


def test_a_sound_jazz_54_is_kept(whole, tmp_path):
    path = tmp_path / "jazz" / "jazz.00054.au"
    path.parent.mkdir()
    soundfile.write(path, np.zeros(100), 22050)
    assert load_gtzan(tmp_path, split="train").data == [str(path)]


def test_the_faulty_file_itself_is_left_out(shared, tmp_path):
    for name in ("robustness/jazz.00054.wav", "gtzan/genres_original/jazz/jazz.00055.ogg"):
        shutil.copy(shared / "data" / name, tmp_path)
    assert [path[-14:] for path in load_gtzan(tmp_path).data] == ["jazz.00055.ogg"]


def test_real_three_genre_split(gtzan):
    sizes = [len(load_gtzan(gtzan, split=split, genres=THREE).data) for split in SIZES]
    assert sizes == [134, 61, 90]


def test_a_partial_copy_says_how_much_of_it_is_there(gtzan, caplog):
    with caplog.at_level(logging.WARNING, logger="genreclass"):
        bunch = load_gtzan(gtzan, split="test")
    assert "holds 97 of the 290 clips of the test split" in caplog.text
    assert "Here: 97 clips" in bunch.DESCR
    assert "Kereliuk" in bunch.DESCR


def test_only_the_genres_asked_for(whole):
    data, target = load_gtzan(whole, split="test", genres=["rock", "jazz"], return_X_y=True)
    assert set(target) == {"jazz", "rock"}
    assert data == sorted(data)


@pytest.mark.parametrize("suffix", ["au", "ogg", "mp3", "flac", "WAV"])
def test_usual_extensions_and_a_flat_layout(tmp_path, suffix):
    (tmp_path / f"blues.00029.{suffix}").touch()
    assert list(load_gtzan(tmp_path, split="train").target) == ["blues"]


def test_a_clip_that_is_there_twice_is_taken_once(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "blues.00029.wav").touch()
    bunch = load_gtzan(tmp_path)
    assert len(bunch.data) == 1
    assert "already taken" in next(iter(bunch.left_out.values()))


def test_mistakes_are_named(tmp_path, whole):
    with pytest.raises(ValueError, match="split must be one of"):
        load_gtzan(whole, split="training")
    with pytest.raises(ValueError, match="no genre 'polka'"):
        load_gtzan(whole, genres=["polka"])
    with pytest.raises(ValueError, match="must be a list"):
        load_gtzan(whole, genres="jazz")
    with pytest.raises(DatasetNotFoundError, match="holds no GTZAN clips of jazz in the test"):
        load_gtzan(tmp_path, split="test", genres=["jazz"])
    with pytest.raises(DatasetNotFoundError, match="does not exist"):
        load_gtzan(tmp_path / "nowhere")
