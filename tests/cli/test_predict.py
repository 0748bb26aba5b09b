"""genreclass predict."""

import io
import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from rich.console import Console

from genreclass import (
    MelCNNClassifier,
    MelSpectrogram,
    RejectOption,
    load,
    load_pretrained,
    save,
)
from genreclass.cli._predict import _as_table, _Guess
from genreclass.datasets import load_folder, make_clips


def _files(result):
    return [entry["file"] for entry in json.loads(result.stdout)]


def test_json_is_one_list_with_an_object_a_file(run, model, music):
    result = run("predict", music, "--model", model, "--json")
    assert result.exit_code == 0
    X, _ = load_folder(music, return_X_y=True)
    assert _files(result) == X
    clf = load(model)
    for entry, genre, proba in zip(
        json.loads(result.stdout), clf.predict(X), clf.predict_proba(X), strict=True
    ):
        assert entry["genre"] == genre
        assert entry["probability"] == pytest.approx(proba.max(), abs=1e-6)
        assert entry["genres"] == [{"genre": genre, "probability": entry["probability"]}]


def test_top_gives_the_most_probable_genres_in_order(run, model, music):
    result = run("predict", music, "--model", model, "--json", "--top", "2")
    for entry in json.loads(result.stdout):
        shares = [genre["probability"] for genre in entry["genres"]]
        assert len(shares) == 2
        assert shares == sorted(shares, reverse=True)


def test_top_beyond_the_genres_gives_them_all(run, model, music):
    result = run("predict", music, "--model", model, "--json", "--top", "99")
    assert all(len(entry["genres"]) == 3 for entry in json.loads(result.stdout))


def test_files_and_folders_mix_and_each_file_is_taken_once(run, model, music):
    deep = music / "any" / "depth"
    deep.mkdir(parents=True)
    first = next(music.glob("*/00.wav"))
    song = shutil.copy(first, deep / "song.wav")
    result = run("predict", song, music / "any", first, first, "--model", model, "--json")
    assert _files(result) == [str(song), str(first)]


def test_the_table_names_file_genre_and_probability(run, model, music):
    song = next(music.glob("*/00.wav"))
    result = run("predict", song, "--model", model)
    (genre,) = load(model).predict([song])
    assert result.exit_code == 0
    line = result.stdout.splitlines()[1]
    assert str(song) in line
    assert genre in line
    assert line.endswith("%")


def test_nothing_is_cut_off_where_the_output_is_no_terminal(process, model, music):
    song = music / ("a long folder name " * 6).strip() / "song.wav"
    song.parent.mkdir()
    shutil.copy(next(music.glob("*/00.wav")), song)
    result = process("predict", song, "--model", model)
    assert result.stdout.splitlines()[1].startswith(str(song))


def test_a_broken_file_is_skipped_and_named_at_the_end(run, model, music, broken):
    result = run("predict", music, "--model", model, "--json")
    assert result.exit_code == 3
    assert str(broken) not in _files(result)
    assert len(_files(result)) == 12
    assert "1 file was skipped" in result.stderr
    assert str(broken) in result.stderr
    assert "Clip" not in result.stderr  # no place in a batch, which says nothing here


def test_strict_stops_at_a_broken_file(run, model, music, broken):
    result = run("predict", music, "--model", model, "--strict")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert str(broken) in result.stderr


def test_only_broken_files_fail(run, model, broken):
    result = run("predict", broken, "--model", model, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == []
    assert str(broken) in result.stderr


def test_a_missing_file_is_skipped_and_named(run, model, music):
    song = next(music.glob("*/00.wav"))
    result = run("predict", "missing.mp3", song, "--model", model, "--json")
    assert result.exit_code == 3
    assert _files(result) == [str(song)]
    assert "missing.mp3 does not exist" in result.stderr


def test_a_folder_without_audio_says_so(run, model, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing to hear")
    result = run("predict", tmp_path, "--model", model)
    assert result.exit_code == 1
    assert "no audio files" in result.stderr


def test_awkward_names_are_read_and_shown(process, model, music, tmp_path):
    names = ["naïve — ünï & 100%.wav", "-rf.wav", "[red]x[bold].wav", "a\nb.wav"]
    for name in names:
        shutil.copy(next(music.glob("*/00.wav")), tmp_path / name)
    result = process("predict", "--model", model, "--", *names)
    assert result.returncode == 0, result.stderr
    _, *lines = result.stdout.splitlines()
    assert len(lines) == len(names)
    for line, name in zip(lines, names, strict=True):
        assert line.startswith("'a\\nb.wav'" if "\n" in name else name)


def test_a_terminal_without_unicode_gets_escapes(process, model, music, tmp_path):
    shutil.copy(next(music.glob("*/00.wav")), tmp_path / "ü.wav")
    result = process("predict", "ü.wav", "--model", model, PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert "\\xfc.wav" in result.stdout


def test_a_genre_with_terminal_codes_is_shown_escaped(run, music, tmp_path):
    X, y = load_folder(music, return_X_y=True)
    names = {genre: f"{genre}\x1b[31m\nred" for genre in set(y)}
    clf = MelCNNClassifier(channels=(2,), mel=MelSpectrogram(duration=1.0), max_epochs=1)
    save(clf.fit(X, [names[genre] for genre in y]), tmp_path / "red.genre")
    result = run("predict", music, "--model", tmp_path / "red.genre", "--top", "2")
    assert "\x1b" not in result.stdout
    assert len(result.stdout.splitlines()) == 13


def test_many_genres_fit_a_narrow_terminal_with_every_name_whole():
    best = [(f"genre {i}", 0.1) for i in range(10)]
    guesses = [_Guess("a/folder/song number 12.mp3", "genre 0", best)]
    console = Console(width=40, record=True, file=io.StringIO())
    console.print(_as_table(guesses))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 40
    assert text.count("%") == 10
    assert "…" not in text


def test_a_home_folder_is_found_where_the_shell_left_it_alone(process, model, music):
    home = str(music.parent)
    result = process("predict", f"~/{music.name}", "--model", model, "--json", HOME=home)
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)) == 12


def test_an_empty_argument_is_refused(process, model):
    result = process("predict", "", "--model", model)
    assert result.returncode == 2
    assert "one of the arguments is empty" in result.stderr


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_model_is_named(run, music, tmp_path, content):
    (tmp_path / "odd.genre").write_bytes(content)
    result = run("predict", music, "--model", tmp_path / "odd.genre")
    assert result.exit_code == 1
    assert "odd.genre" in result.stderr
    assert "no model file" in result.stderr


def test_a_saved_transformer_is_no_classifier(run, music, tmp_path):
    save(MelSpectrogram(), tmp_path / "mel.genre")
    result = run("predict", music, "--model", tmp_path / "mel.genre")
    assert result.exit_code == 1
    assert "MelSpectrogram, which gives no genres" in result.stderr


def test_a_model_of_spectrograms_takes_no_files(run, music, tmp_path):
    clips = make_clips(4, n_genres=2, duration=0.5, random_state=0)
    spectra = MelSpectrogram(duration=0.5, n_mels=8).transform(clips.data)
    clf = MelCNNClassifier(channels=(2,), mel="passthrough", max_epochs=1)
    save(clf.fit(spectra, clips.target), tmp_path / "spectra.genre")
    result = run("predict", music, "--model", tmp_path / "spectra.genre")
    assert result.exit_code == 1
    assert "takes no files" in result.stderr


def test_a_device_that_is_not_there_is_named(run, model, music):
    result = run("predict", music, "--model", model, "--device", "tpu")
    assert result.exit_code == 2
    assert "'tpu'" in result.stderr


def test_without_a_model_the_shipped_one_is_used_and_named(run, music):
    result = run("predict", music, "--json")
    assert result.exit_code == 0
    shipped = load_pretrained("gtzan")
    first = result.stderr.splitlines()[0]
    assert '"gtzan"' in first
    assert all(genre in first for genre in shipped.classes_)
    X, _ = load_folder(music, return_X_y=True)
    assert [entry["genre"] for entry in json.loads(result.stdout)] == shipped.predict(X).tolist()


def test_a_table_is_no_music_for_the_shipped_model(run, tmp_path):
    result = run("predict", tmp_path / "features.csv")
    assert result.exit_code == 2
    assert "the shipped model was trained on audio" in result.stderr
    assert result.stderr.count("\n") == 1


def _middle(model, X):
    """A probability that some of the files reach and others do not."""
    shares = np.sort(load(model).predict_proba(X).max(axis=1))
    return float(shares[5:7].mean())


def test_what_is_not_probable_enough_is_unknown_as_by_a_reject_option(run, model, music):
    X, _ = load_folder(music, return_X_y=True)
    below = _middle(model, X)
    result = run("predict", music, "--model", model, "--json", "--reject-below", below)
    assert result.exit_code == 0
    entries = json.loads(result.stdout)
    expected = RejectOption(load(model), threshold=below).predict(X).tolist()
    assert [entry["genre"] for entry in entries] == expected
    assert expected.count("unknown") == 6
    for entry in entries:
        assert entry["genres"][0]["genre"] in load(model).classes_
        assert entry["genres"][0]["probability"] == entry["probability"]


def test_the_table_shows_how_probable_the_rejected_guess_was(run, model, music):
    song = next(music.glob("*/00.wav"))
    (proba,) = load(model).predict_proba([song])
    best = str(load(model).classes_[proba.argmax()])
    for top, shown in (
        (1, f"unknown  {proba.max():.0%}"),
        (2, f"unknown: {best} {proba.max():.0%}"),
    ):
        options = ("--model", model, "--reject-below", 1, "--top", top)
        assert shown in run("predict", song, *options).stdout


@pytest.mark.parametrize("below", ["nan", "-0.1", "1.5"])
def test_what_is_no_probability_is_refused_before_files_are_read(run, model, music, below):
    result = run("predict", music, "--model", model, "--reject-below", below)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "--reject-below" in result.stderr
    assert "from 0 to 1" in result.stderr


def test_a_genre_called_unknown_is_not_taken_for_what_is_rejected(run, music, tmp_path):
    X, y = load_folder(music, return_X_y=True)
    y = np.where(y == y[0], "unknown", y)
    clf = MelCNNClassifier(channels=(2,), mel=MelSpectrogram(duration=1.0), max_epochs=1)
    save(clf.fit(X, y), tmp_path / "odd.genre")
    result = run("predict", music, "--model", tmp_path / "odd.genre", "--reject-below", "0.5")
    assert result.exit_code == 2
    assert 'called "unknown"' in result.stderr


def test_a_saved_reject_option_answers_as_it_was_saved(run, model, music, tmp_path):
    X, _ = load_folder(music, return_X_y=True)
    careful = RejectOption(load(model), threshold=_middle(model, X), reject_label="no idea")
    save(careful, tmp_path / "careful.genre")
    result = run("predict", music, "--model", tmp_path / "careful.genre", "--json")
    entries = json.loads(result.stdout)
    assert [entry["genre"] for entry in entries] == careful.predict(X).tolist()
    bold = run("predict", music, "--model", tmp_path / "careful.genre", "--reject-below", 0)
    assert "no idea" not in bold.stdout


def test_an_interruption_prints_what_was_done(run, model, music, monkeypatch):
    whole = MelCNNClassifier.predict_proba
    calls = []

    def interrupted(self, X):
        calls.append(X)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(self, X)

    monkeypatch.setattr(MelCNNClassifier, "predict_proba", interrupted)
    result = run("predict", music, "--model", model, "--json")
    assert result.exit_code == 130
    assert _files(result) == calls[0]
    assert 0 < len(calls[0]) < 12
    assert f"Interrupted: {len(calls[0])} of 12 files" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
@pytest.mark.parametrize("seconds", [1, 3])
def test_ctrl_c_is_quiet_and_exits_130_whenever_it_comes(model, music, seconds):
    song = next(music.glob("*/00.wav"))
    links = [music / f"{index}.wav" for index in range(3000)]
    for link in links:
        shutil.copy(song, link)
    child = subprocess.Popen(
        [sys.executable, "-m", "genreclass", "predict", "--json", "--model", model, *links],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(seconds)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == 130, stderr
    assert "Traceback" not in stderr


def test_a_link_to_a_file_is_the_same_file(run, model, music):
    song = next(music.glob("*/00.wav"))
    link = music / "link.wav"
    link.symlink_to(song)
    assert _files(run("predict", song, link, "--model", model, "--json")) == [str(song)]
