"""genreclass train --model baseline, and predict and evaluate with what it makes."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import accuracy_score

from genreclass import HandcraftedFeatures, load, make_fma_baseline, save
from genreclass.cli import _tables
from genreclass.datasets import load_folder


@pytest.fixture
def audio_model(run, music, tmp_path):
    out = tmp_path / "audio.genre"
    result = run("train", music, "--model", "baseline", "--out", out, "--device", "cpu")
    assert result.exit_code == 0, result.output
    return out


def _baseline(X, y, n_components):
    return make_fma_baseline(
        n_components=n_components, class_weight="balanced", random_state=0
    ).fit(X, y)


# From audio


def test_a_baseline_on_audio_is_the_one_that_python_makes(run, music, audio_model):
    X, y = load_folder(music, return_X_y=True)
    rows = HandcraftedFeatures(duration=30.0, device="cpu").transform(X)
    expected = _baseline(rows, y, 12).predict_proba(rows)
    assert_array_equal(load(audio_model).predict_proba(X), expected)
    result = run("predict", music, "--model", audio_model, "--json", "--device", "cpu")
    given = [entry["probability"] for entry in json.loads(result.stdout)]
    assert given == pytest.approx(expected.max(axis=1), abs=1e-6)


def test_components_are_no_more_than_the_clips_and_a_note_says_so(run, music, tmp_path):
    out = tmp_path / "a.genre"
    result = run("train", music, "--model", "baseline", "--out", out)
    assert "12 files in 3 genres" in result.stderr
    assert "12 components instead of 60" in result.stderr
    assert "genreclass predict FILES --model" in result.stdout
    assert load(out)["reducer"]["pca"].n_components_ == 12


def test_a_broken_file_is_skipped_and_named_at_the_end(run, music, broken, tmp_path):
    out = tmp_path / "a.genre"
    result = run("train", music, "--model", "baseline", "--out", out)
    assert result.exit_code == 3
    assert "12 files in 3 genres" in result.stderr
    assert str(broken) in result.stderr
    broken.parent.rename(music / "polka")
    result = run("evaluate", out, music)
    assert result.exit_code == 3
    assert "broken.mp3" in result.stderr
    assert "12 clips" in result.stdout


def test_strict_stops_at_a_broken_file(run, music, broken, tmp_path):
    out = tmp_path / "a.genre"
    result = run("train", music, "--model", "baseline", "--out", out, "--strict")
    assert result.exit_code == 1
    assert str(broken) in result.stderr
    assert not out.exists()


def test_files_that_cannot_be_read_do_not_count_for_a_genre(run, music, tmp_path):
    genre = sorted(music.iterdir())[0]
    next(genre.glob("*.wav")).write_text("no music")
    out = tmp_path / "a.genre"
    options = ("--model", "baseline", "--min-count", "4")
    assert run("train", music, "--out", out, *options).exit_code == 3
    assert genre.name not in load(out).classes_


def test_an_interruption_says_that_nothing_was_written(run, music, tmp_path, monkeypatch):
    def interrupted(self, X):
        raise KeyboardInterrupt

    monkeypatch.setattr(HandcraftedFeatures, "transform", interrupted)
    out = tmp_path / "a.genre"
    result = run("train", music, "--model", "baseline", "--out", out)
    assert result.exit_code == 130
    assert "no model was written" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--epochs", "60"), "--epochs:"),
        (("--learning-rate", "0.1", "--channels", "8"), "--channels, --learning-rate:"),
        (("--patience", "3", "--valid", "VALID"), "--valid, --patience:"),
        (("--target", "label"), "--target:"),
        (("--ignore", "label"), "--ignore:"),
    ],
)
def test_options_a_baseline_has_no_use_for_are_named(run, music, tmp_path, options, named):
    out = tmp_path / "a.genre"
    result = run("train", music, "--model", "baseline", "--out", out, *options)
    assert result.exit_code == 2
    assert named in result.stderr
    assert result.stderr.count("\n") == 1
    assert not out.exists()


# From a table


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_features_train_predict_evaluate(run, music, tmp_path, suffix):
    table, out = tmp_path / f"t{suffix}", tmp_path / "t.genre"
    options = ("--families", "mfcc", "--genres")
    assert run("features", music, "--out", table, *options).exit_code == 0
    result = run("train", table, "--model", "baseline", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "12 rows in 3 genres" in result.stderr
    assert "Columns left out: path" in result.stderr
    assert "genreclass predict TABLE --model" in result.stdout
    X, y = load_folder(music, return_X_y=True)
    rows = HandcraftedFeatures(families="mfcc").transform(X)
    expected = _baseline(rows, y, 60)
    entries = json.loads(run("predict", table, "--model", out, "--json").stdout)
    assert [entry["file"] for entry in entries] == X
    assert [entry["genre"] for entry in entries] == expected.predict(rows).tolist()
    shares = [entry["probability"] for entry in entries]
    assert shares == pytest.approx(expected.predict_proba(rows).max(axis=1), abs=1e-6)


def test_evaluate_finds_the_accuracy_scikit_learn_finds(run, table, table_model, tmp_path):
    table.to_csv(tmp_path / "all.csv", index=False)
    result = run("evaluate", table_model, tmp_path / "all.csv", "--json", tmp_path / "r.json")
    assert result.exit_code == 0, result.output
    predicted = load(table_model).predict(table.iloc[:, 2:])
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["accuracy"] == accuracy_score(table["genre"], predicted) < 1
    assert [entry["clip"] for entry in report["predictions"]] == table["path"].tolist()


def test_columns_are_found_by_name_in_any_order_among_others(run, table, table_model, tmp_path):
    table.to_csv(tmp_path / "a.csv", index=False)
    table[table.columns[::-1]].assign(more=1.0).to_csv(tmp_path / "b.csv", index=False)
    outputs = {
        run("predict", tmp_path / name, "--model", table_model, "--json").stdout
        for name in ("a.csv", "b.csv")
    }
    assert len(outputs) == 1
    assert len(json.loads(outputs.pop())) == 60


def test_several_tables_are_read_and_rows_without_path_are_numbered(
    run, table, table_model, tmp_path
):
    table[:2].to_csv(tmp_path / "a.csv", index=False)
    table[2:4].drop(columns="path").to_parquet(tmp_path / "b.parquet", index=False)
    paths = tmp_path / "a.csv", tmp_path / "b.parquet"
    result = run("predict", *paths, "--model", table_model, "--json")
    names = [entry["file"] for entry in json.loads(result.stdout)]
    assert names == ["clips/0.wav", "clips/1.wav", f"{paths[1]}, row 1", f"{paths[1]}, row 2"]


def test_rows_with_gaps_are_left_out_and_named(run, table, tmp_path):
    table.loc[3, "zcr_mean_02"] = np.nan
    table.loc[4, "zcr_mean_08"] = np.inf
    table.loc[5, "genre"] = None
    table.to_csv(tmp_path / "gaps.csv", index=False)
    out = tmp_path / "a.genre"
    result = run("train", tmp_path / "gaps.csv", "--model", "baseline", "--out", out)
    assert result.exit_code == 3
    assert "57 rows in 3 genres" in result.stderr
    assert "3 rows were skipped" in result.stderr
    assert "clips/3.wav: zcr_mean_02 is missing" in result.stderr
    assert "clips/5.wav: genre is missing" in result.stderr
    kept = table.drop(index=[3, 4, 5])
    expected = _baseline(kept.iloc[:, 2:], kept["genre"].to_numpy(dtype=str), 8)
    assert_array_equal(
        load(out).predict_proba(table.iloc[:3, 2:]), expected.predict_proba(table.iloc[:3, 2:])
    )
    result = run("predict", tmp_path / "gaps.csv", "--model", out, "--json")
    assert result.exit_code == 3
    assert len(json.loads(result.stdout)) == 58
    table[["genre", "path"]] = table[["genre", "path"]].shift(1)  # or nothing is confused
    table.to_csv(tmp_path / "gaps.csv", index=False)
    result = run("evaluate", out, tmp_path / "gaps.csv")
    assert result.exit_code == 3
    assert "56 clips" in result.stdout


def test_only_rows_with_gaps_fail(run, table, table_model, tmp_path):
    table["zcr_mean_01"] = np.nan
    table.to_csv(tmp_path / "gaps.csv", index=False)
    options = ("--model", "baseline", "--out", tmp_path / "a.genre")
    for arguments in (
        ("train", tmp_path / "gaps.csv", *options),
        ("predict", tmp_path / "gaps.csv", "--model", table_model),
        ("evaluate", table_model, tmp_path / "gaps.csv"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert "60 rows were skipped" in result.stderr


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_cell_that_is_no_number_is_a_gap(run, table, table_model, tmp_path, suffix):
    table = table.astype({"zcr_mean_03": str, "zcr_mean_05": str})
    table.loc[4, "zcr_mean_03"], table.loc[7, "zcr_mean_05"] = "n/a?", "oops"
    path, out = tmp_path / f"t{suffix}", tmp_path / "a.genre"
    table.to_csv(path, index=False) if suffix == ".csv" else table.to_parquet(path, index=False)
    result = run("train", path, "--model", "baseline", "--out", out)
    assert result.exit_code == 3
    assert "clips/4.wav: zcr_mean_03 is 'n/a?', which is no finite number" in result.stderr
    assert "clips/7.wav: zcr_mean_05 is 'oops', which is no finite number" in result.stderr
    assert load(out).feature_names_in_.tolist() == table.columns[2:].tolist()
    result = run("predict", path, "--model", table_model, "--json")
    assert result.exit_code == 3
    assert len(json.loads(result.stdout)) == 58


def test_columns_to_ignore_and_constant_ones_are_not_learned_from(run, table, tmp_path):
    table.assign(kind=1, year=np.arange(60)).to_csv(tmp_path / "t.csv", index=False)
    out = tmp_path / "a.genre"
    options = ("--ignore", "year", "--ignore", "zcr_mean_08")
    result = run("train", tmp_path / "t.csv", "--model", "baseline", "--out", out, *options)
    assert result.exit_code == 0, result.stderr
    assert "Columns left out: path, zcr_mean_08, year\n" in result.stderr
    assert "Constant columns left out: kind\n" in result.stderr
    assert "7 features: zcr_mean_01, zcr_mean_02" in result.stderr
    assert load(out).feature_names_in_.tolist() == table.columns[2:9].tolist()
    table.drop(columns="zcr_mean_08").to_csv(tmp_path / "u.csv", index=False)
    assert run("predict", tmp_path / "u.csv", "--model", out).exit_code == 0


def test_a_gap_in_an_ignored_column_costs_no_row(run, table, tmp_path):
    table.loc[4, "zcr_mean_03"] = np.nan
    table.to_csv(tmp_path / "t.csv", index=False)
    options = ("--model", "baseline", "--out", tmp_path / "a.genre", "--ignore", "zcr_mean_03")
    assert run("train", tmp_path / "t.csv", *options).exit_code == 0


@pytest.mark.parametrize(
    ("separator", "decimal"), [(";", "."), (";", ","), ("\t", "."), ("\t", ",")]
)
def test_cells_may_be_told_apart_by_other_marks(run, table, tmp_path, separator, decimal):
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_csv(tmp_path / "u.csv", index=False, sep=separator, decimal=decimal)
    answers = []
    for name in ("t.csv", "u.csv"):
        out = tmp_path / f"{name}.genre"
        result = run("train", tmp_path / name, "--model", "baseline", "--out", out)
        assert result.exit_code == 0, result.stderr
        answers.append(load(out).predict_proba(table.iloc[:, 2:]))
    assert_array_equal(*answers)


def test_one_thing_is_not_called_several(run, table, tmp_path):
    table[["genre", "zcr_mean_01"]].to_csv(tmp_path / "t.csv", index=False)
    result = run("train", tmp_path / "t.csv", "--model", "baseline", "--out", tmp_path / "a.genre")
    assert "1 feature: zcr_mean_01\n1 component instead of 60" in result.stderr
    assert "60 clips and 1 column that differs" in result.stderr


def test_row_numbers_and_text_are_no_features(run, table, tmp_path):
    table.assign(comment="nice").to_csv(tmp_path / "t.csv")  # pandas writes its index, unnamed
    out = tmp_path / "a.genre"
    result = run("train", tmp_path / "t.csv", "--model", "baseline", "--out", out)
    assert "Columns left out: Unnamed: 0, path, comment" in result.stderr
    assert load(out).feature_names_in_.tolist() == table.columns[2:].tolist()


def test_any_column_may_hold_the_genres(run, table, tmp_path):
    table = table.rename(columns={"genre": "label"})
    table["label"] = table["label"].replace({"folk": "None"})  # which is no gap
    table.to_csv(tmp_path / "t.csv", index=False)
    table[:40].to_csv(tmp_path / "first.csv", index=False)
    out = tmp_path / "a.genre"
    options = ("--target", "label")
    result = run("train", tmp_path / "first.csv", "--model", "baseline", "--out", out, *options)
    assert result.exit_code == 0, result.stderr
    assert load(out).classes_.tolist() == ["None", "jazz", "rock"]
    assert run("evaluate", out, tmp_path / "t.csv", *options).exit_code == 0


def test_a_genre_can_be_left_out(run, table, tmp_path):
    table[:59].to_csv(tmp_path / "t.csv", index=False)
    out = tmp_path / "a.genre"
    for options in (("--drop", "folk"), ("--min-count", "20")):
        options = ("--model", "baseline", "--out", out, "--force", *options)
        assert run("train", tmp_path / "t.csv", *options).exit_code == 0
        assert len(load(out).classes_) == 2


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ((), 2, "Add --model baseline"),
        (("--model", "baseline", "--target", "label"), 2, "no column 'label' of genres. It has"),
        (("--model", "baseline", "--drop", "polka"), 2, "polka"),
        (("--model", "baseline", "--channels", "8"), 2, "--channels"),
        (("--model", "baseline", "--ignore", "zcr_mean03"), 2, "Did you mean 'zcr_mean_03'"),
        (("--model", "baseline", "--ignore", "tempo"), 2, "no column 'tempo'. It has path, genre"),
        (("--model", "baseline", "--ignore", "genre"), 2, "'genre' is the column of genres"),
        (("--model", "baseline", "--target", "path"), 2, "value of its own in 60 of 60 rows"),
        (("--model", "baseline", "--target", "zcr_mean_01"), 2, "numbers that are not whole"),
    ],
)
def test_a_mistake_in_an_option_is_named(run, table, tmp_path, options, code, words):
    table.to_csv(tmp_path / "t.csv", index=False)
    result = run("train", tmp_path / "t.csv", "--out", tmp_path / "a.genre", *options)
    assert result.exit_code == code
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", "", "cannot be read as a table"),
        ("t.csv", "genre,a\n", "holds no rows"),
        ("t.csv", "genre,a\njazz,1\nrock,2,3,4\n", "cannot be read as a table"),
        ("t.csv", "genre,a\njazz,loud\nrock,soft\n", "no columns of numbers"),
        ("t.csv", "genre,a\njazz,1\njazz,2\n", "one genre to learn"),
        ("t.csv", "genre,a\n" + "jazz,1\nrock,1\n" * 2, "expected columns that vary"),
        ("t.csv", "genre,a\njazz,1,2\nrock,3,4\n", "more cells than its header"),
        ("t.parquet", "this is none", "cannot be read as a table"),
        ("missing.csv", None, "does not exist"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_named(run, tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_text(content)
    out = tmp_path / "a.genre"
    result = run("train", tmp_path / name, "--model", "baseline", "--out", out)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "fault of the program" not in result.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    "content",
    [
        "feature,zcr,zcr\nstatistics,max,min\nnumber,01,01\ntrack_id,,\n2,0.5,0.1\n",
        ",album,track\n,title,title\ntrack_id,,\n2,Here,There\n",
    ],
    ids=["features.csv", "tracks.csv"],
)
def test_a_table_of_fma_is_known_by_its_header(run, tmp_path, content):
    (tmp_path / "t.csv").write_text(content)
    out = tmp_path / "a.genre"
    result = run("train", tmp_path / "t.csv", "--model", "baseline", "--out", out)
    assert result.exit_code == 2
    assert "genreclass.datasets.load_fma" in result.stderr
    assert result.stderr.count("\n") == 1


def test_columns_that_a_table_lacks_are_named(run, table, table_model, tmp_path):
    table.drop(columns=["zcr_mean_03", "zcr_mean_07"]).to_csv(tmp_path / "t.csv", index=False)
    result = run("predict", tmp_path / "t.csv", "--model", table_model)
    assert result.exit_code == 1
    assert "lacks 2 of the 8 columns" in result.stderr
    assert "zcr_mean_03, zcr_mean_07" in result.stderr


def test_text_among_the_numbers_is_named(run, table, table_model, tmp_path):
    table.assign(zcr_mean_03="loud").to_csv(tmp_path / "t.csv", index=False)
    result = run("predict", tmp_path / "t.csv", "--model", table_model)
    assert result.exit_code == 1
    assert "text where numbers were expected, in zcr_mean_03" in result.stderr


def test_a_table_without_genres_cannot_be_evaluated_on(run, table, table_model, tmp_path):
    table.drop(columns="genre").to_csv(tmp_path / "t.csv", index=False)
    result = run("evaluate", table_model, tmp_path / "t.csv")
    assert result.exit_code == 2
    assert "no column 'genre'" in result.stderr


def test_audio_is_not_for_a_model_of_tables(run, table_model, music):
    for arguments in (("predict", music, "--model", table_model), ("evaluate", table_model, music)):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "is no table" in result.stderr
        assert "genreclass features" in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_table_is_not_for_a_model_of_audio(run, table, model, audio_model, tmp_path):
    table.to_csv(tmp_path / "t.csv", index=False)
    for audio in (model, audio_model):
        result = run("predict", tmp_path / "t.csv", "--model", audio)
        assert result.exit_code == 2
        assert "was trained on audio" in result.stderr
        assert run("evaluate", audio, tmp_path / "t.csv").exit_code == 2


def test_a_model_of_columns_without_names_says_so(run, table, tmp_path):
    X, y = table.iloc[:, 2:].to_numpy(), table["genre"].to_numpy(dtype=str)
    save(_baseline(X, y, 4), tmp_path / "a.genre")
    table.to_csv(tmp_path / "t.csv", index=False)
    result = run("predict", tmp_path / "t.csv", "--model", tmp_path / "a.genre")
    assert result.exit_code == 1
    assert "columns without names" in result.stderr


def test_parquet_without_pyarrow_says_how_to_get_it(run, table, tmp_path, monkeypatch):
    table.to_parquet(tmp_path / "t.parquet", index=False)
    monkeypatch.setattr(_tables, "find_spec", lambda name: None)
    out = tmp_path / "a.genre"
    result = run("train", tmp_path / "t.parquet", "--model", "baseline", "--out", out)
    assert result.exit_code == 2
    assert 'pip install "genreclass[scale]"' in result.stderr


def test_the_tutorials_table_of_gtzan_can_be_learned_from(run, shared, tmp_path):
    path = shared / "data" / "gtzan" / "tables" / "features_30_sec.csv"
    out = tmp_path / "a.genre"
    result = run("train", path, "--model", "baseline", "--target", "label", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "1000 rows in 10 genres" in result.stderr
    assert "Columns left out: filename, length\n" in result.stderr
    assert "length is left out as it tells of the file" in result.stderr
    X = pd.read_csv(path).drop(columns=["filename", "length", "label"])
    assert load(out).feature_names_in_.tolist() == X.columns.tolist()
