"""genreclass features."""

import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from genreclass import HandcraftedFeatures
from genreclass.cli import _tables
from genreclass.datasets import load_folder

QUICK = ("--families", "zcr,rmse", "--statistics", "mean,std", "--device", "cpu")


def _quick():
    return HandcraftedFeatures(families=["rmse", "zcr"], statistics=["mean", "std"], device="cpu")


def test_the_table_holds_a_row_a_file_and_518_named_columns(run, music, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("features", "MUSIC", "--out", "table.csv")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "table.csv: 12 x 518 features\n"
    table = pd.read_csv(tmp_path / "table.csv")
    names = HandcraftedFeatures().get_feature_names_out().tolist()
    assert table.columns.tolist() == ["path", *names]
    X, _ = load_folder(music, return_X_y=True)
    assert [str(tmp_path / path) for path in table["path"]] == X
    assert table["path"][0].startswith("MUSIC")  # as it was given


@pytest.mark.parametrize("name", ["table.csv", "table.parquet", "TABLE.PARQUET"])
def test_numbers_come_back_from_the_file_as_they_were_computed(run, music, tmp_path, name):
    out = tmp_path / name
    assert run("features", music, "--out", out, "--device", "cpu").exit_code == 0
    table = pd.read_csv(out) if name.endswith("csv") else pd.read_parquet(out)
    X, _ = load_folder(music, return_X_y=True)
    computed = HandcraftedFeatures(device="cpu").transform(X)
    assert_array_equal(table.iloc[:, 1:].to_numpy(dtype=np.float32), computed)


def test_parquet_holds_single_precision(run, music, tmp_path):
    run("features", music, "--out", tmp_path / "t.parquet", *QUICK)
    assert set(pd.read_parquet(tmp_path / "t.parquet").dtypes[1:]) == {np.dtype(np.float32)}


def test_families_and_statistics_can_be_chosen(run, music, tmp_path):
    assert run("features", music, "--out", tmp_path / "t.csv", *QUICK).exit_code == 0
    expected = ["rmse_mean_01", "rmse_std_01", "zcr_mean_01", "zcr_std_01"]
    assert pd.read_csv(tmp_path / "t.csv").columns.tolist() == ["path", *expected]


def test_rate_and_duration_are_those_of_the_features(run, music, tmp_path):
    options = ("--sample-rate", "8000", "--duration", "0.5")
    assert run("features", music, "--out", tmp_path / "t.csv", *QUICK, *options).exit_code == 0
    X, _ = load_folder(music, return_X_y=True)
    computed = _quick().set_params(sample_rate=8000, duration=0.5).transform(X)
    table = pd.read_csv(tmp_path / "t.csv", dtype=dict.fromkeys(range(1, 5), np.float32))
    assert_array_equal(table.iloc[:, 1:].to_numpy(dtype=np.float32), computed)


def test_two_processes_compute_what_one_does(run, music, broken, tmp_path):
    for jobs in ("1", "2"):
        result = run("features", music, "--out", tmp_path / f"{jobs}.csv", "--jobs", jobs, *QUICK)
        assert result.exit_code == 3
        assert str(broken) in result.stderr
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


@pytest.mark.parametrize("below", ["", "Some Artist/1959"])
def test_genres_are_the_folders_that_train_would_take(run, music, tmp_path, below):
    for genre in music.iterdir() if below else ():
        files = list(genre.iterdir())
        (genre / below).mkdir(parents=True)
        for file in files:
            file.rename(genre / below / file.name)
    result = run("features", music, "--genres", "--out", tmp_path / "t.csv", *QUICK)
    X, y = load_folder(music, return_X_y=True)
    table = pd.read_csv(tmp_path / "t.csv")
    assert table["path"].tolist() == X
    assert table["genre"].tolist() == y.tolist()
    assert f"{y[0]} 4" in result.stderr
    assert "genreclass train" in result.stdout


def test_the_genre_of_a_file_that_was_named_is_its_folder(run, music, tmp_path, monkeypatch):
    genre = sorted(music.iterdir())[0]
    monkeypatch.chdir(genre)
    other = next(sorted(music.iterdir())[1].iterdir())
    run("features", ".", other, "--genres", "--out", tmp_path / "t.csv", *QUICK)
    assert set(pd.read_csv(tmp_path / "t.csv")["genre"]) == {genre.name, other.parent.name}


def test_a_broken_file_is_skipped_and_named_and_the_others_are_kept(run, music, broken, tmp_path):
    result = run("features", music, "--out", tmp_path / "t.csv", *QUICK)
    assert result.exit_code == 3
    assert "1 file was skipped" in result.stderr
    assert str(broken) in result.stderr
    assert "Clip" not in result.stderr
    assert len(pd.read_csv(tmp_path / "t.csv")) == 12


def test_a_file_that_opens_but_does_not_decode_is_skipped(run, music, shared, tmp_path):
    flac = shared / "data" / "robustness" / "truncated.flac"
    if not flac.exists():
        pytest.skip("needs a truncated flac file")
    shutil.copy(flac, music / "zzz.flac")
    result = run("features", music, "--out", tmp_path / "t.csv", *QUICK)
    assert result.exit_code == 3
    assert "could not be decoded" in result.stderr
    assert len(pd.read_csv(tmp_path / "t.csv")) == 12


def test_strict_stops_at_a_broken_file(run, music, broken, tmp_path):
    result = run("features", music, "--strict", "--out", tmp_path / "t.csv", *QUICK)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert str(broken) in result.stderr
    assert not (tmp_path / "t.csv").exists()


def test_only_broken_files_fail_and_write_nothing(run, broken, tmp_path):
    result = run("features", broken, "--out", tmp_path / "t.csv", *QUICK)
    assert result.exit_code == 1
    assert str(broken) in result.stderr
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows forbids")
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_awkward_names_come_back(run, music, tmp_path, suffix):
    names = ["a\nb.wav", "a\r\nb.wav", 'say "hi", you.wav', " blank .wav", "ünï.wav", "NA.wav"]
    song = next(music.glob("*/00.wav"))
    for name in names:
        shutil.copy(song, tmp_path / name)
    out = tmp_path / f"t{suffix}"
    files = [tmp_path / name for name in names]
    assert run("features", *files, "--out", out, *QUICK).exit_code == 0
    table = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    assert table["path"].tolist() == list(map(str, files))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are valid text")
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_name_that_is_no_valid_text_is_escaped_and_named(
    run, music, tmp_path, monkeypatch, suffix
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(next(music.glob("*/00.wav")), "caf\udce9.wav")
    out = tmp_path / f"t{suffix}"
    result = run("features", "caf\udce9.wav", "--out", out, *QUICK)
    assert result.exit_code == 0, result.stderr
    assert "with escapes: caf\\udce9.wav" in result.stderr
    table = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    assert table["path"].tolist() == ["caf\\udce9.wav"]


def test_a_table_that_is_there_is_replaced_only_by_force(run, music, tmp_path):
    out = tmp_path / "t.csv"
    out.write_text("precious")
    result = run("features", music, "--out", out, *QUICK)
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert out.read_text() == "precious"
    assert run("features", music, "--out", out, "--force", *QUICK).exit_code == 0
    assert len(pd.read_csv(out)) == 12


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--out", "t.xls"), "must end in .csv or .parquet"),
        (("--out", "nowhere/t.csv"), "there is no folder"),
        (("--out", "t.csv", "--families", "mfccs"), "got 'mfccs'"),
        (("--out", "t.csv", "--statistics", ""), "statistics must be"),
        (("--out", "t.csv", "--sample-rate", "8000"), "too low"),
        (("--out", "t.csv", "--duration", "-1"), "duration must be"),
        (("--out", "t.csv", "--device", "tpu"), "'tpu'"),
    ],
)
def test_a_mistake_is_named_before_files_are_read(
    run, broken, tmp_path, monkeypatch, options, words
):
    monkeypatch.chdir(tmp_path)
    result = run("features", broken, *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert str(broken) not in result.stderr


def test_parquet_without_pyarrow_says_how_to_get_it(run, broken, tmp_path, monkeypatch):
    monkeypatch.setattr(_tables, "find_spec", lambda name: None)
    result = run("features", broken, "--out", tmp_path / "t.parquet")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert 'pip install "genreclass[scale]"' in result.stderr


def test_a_folder_without_audio_says_so(run, tmp_path):
    result = run("features", tmp_path, "--out", tmp_path / "t.csv")
    assert result.exit_code == 1
    assert "no audio files" in result.stderr


def test_an_interruption_says_that_nothing_was_written(run, music, tmp_path, monkeypatch):
    whole = HandcraftedFeatures.transform
    calls = []

    def interrupted(self, X):
        calls.append(X)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(self, X)

    monkeypatch.setattr(HandcraftedFeatures, "transform", interrupted)
    result = run("features", music, "--out", tmp_path / "t.csv", *QUICK)
    assert result.exit_code == 130
    assert result.stderr == "Interrupted: 2 of 12 files were done; no table was written.\n"
    assert list(tmp_path.glob("*.csv")) == []
