"""A folder for each genre."""

import logging

import numpy as np
import pytest

from genreclass.datasets import load_folder
from genreclass.exceptions import DatasetNotFoundError


def _touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_genres_and_files_at_any_depth_are_clips(tmp_path):
    _touch(tmp_path, "rock/b.mp3", "rock/album/disc 1/a.FLAC", "jazz ü/c.ogg")
    music = load_folder(tmp_path)
    assert [path[len(str(tmp_path)) + 1 :] for path in music.data] == [
        "jazz ü/c.ogg",
        "rock/album/disc 1/a.FLAC",
        "rock/b.mp3",
    ]
    assert list(music.target) == ["jazz ü", "rock", "rock"]
    assert music.target_names == ["jazz ü", "rock"]
    assert music.groups is None
    assert "3 clips in 2 genres" in music.DESCR


def test_return_x_y(tmp_path):
    _touch(tmp_path, "a/1.wav", "b/1.wav")
    data, target = load_folder(str(tmp_path), return_X_y=True)
    assert len(data) == 2
    np.testing.assert_array_equal(target, ["a", "b"])


def test_a_genre_that_is_a_link_is_followed(tmp_path):
    _touch(tmp_path / "elsewhere", "a.wav")
    _touch(tmp_path / "music", "rock/b.wav")
    (tmp_path / "music" / "jazz").symlink_to(tmp_path / "elsewhere")
    assert list(load_folder(tmp_path / "music").target) == ["jazz", "rock"]


def test_an_empty_path_is_not_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _touch(tmp_path, "rock/a.wav")
    with pytest.raises(DatasetNotFoundError, match="path is empty"):
        load_folder("")
    assert len(load_folder(".").data) == 1


def test_what_is_no_music_is_passed_over(tmp_path):
    _touch(tmp_path, "rock/a.wav", "rock/cover.jpg", "rock/._a.wav", ".trash/b.wav", "rock/notes")
    music = load_folder(tmp_path)
    assert len(music.data) == 1
    assert music.left_out == {}


def test_music_that_cannot_be_taken_is_named(tmp_path, caplog):
    _touch(tmp_path, "rock/a.wav", "rock/b.m4a", "lonely.mp3")
    with caplog.at_level(logging.WARNING, logger="genreclass"):
        music = load_folder(tmp_path)
    reasons = {path.rpartition("/")[2]: reason for path, reason in music.left_out.items()}
    assert "cannot be read" in reasons["b.m4a"]
    assert "no genre" in reasons["lonely.mp3"]
    assert "and 1 more" in caplog.text


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "holds no genre folders with audio files. Expected files such as"),
        (["song.mp3"], "1 audio files were left out"),
        (["rock/a.m4a"], "convert it to flac"),
        (["rock/a.txt"], "holds no genre folders"),
    ],
)
def test_a_folder_without_genres_is_named(tmp_path, names, message):
    _touch(tmp_path, *names)
    with pytest.raises(DatasetNotFoundError, match=message):
        load_folder(tmp_path)


def test_a_missing_folder_and_a_file_are_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="nowhere does not exist"):
        load_folder(tmp_path / "nowhere")
    _touch(tmp_path, "file")
    with pytest.raises(DatasetNotFoundError, match="file is a file"):
        load_folder(tmp_path / "file")
