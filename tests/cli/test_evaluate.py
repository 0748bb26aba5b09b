"""genreclass evaluate."""

import json

import numpy as np
from matplotlib import image
from sklearn.metrics import accuracy_score

from genreclass import RejectOption, load
from genreclass.datasets import load_folder


def test_report_is_printed_with_the_accuracy_scikit_learn_finds(run, model, music):
    result = run("evaluate", model, music)
    X, y = load_folder(music, return_X_y=True)
    accuracy = accuracy_score(y, load(model).predict(X))
    assert result.exit_code == 0, result.stderr
    assert f"{accuracy:.1%}" in result.stdout.splitlines()[0]
    assert "12 clips" in result.stdout


def test_report_is_written_as_json(run, model, music, tmp_path):
    result = run("evaluate", model, music, "--json", tmp_path / "report.json")
    assert result.exit_code == 0, result.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    X, y = load_folder(music, return_X_y=True)
    assert report["accuracy"] == accuracy_score(y, load(model).predict(X))
    assert [entry["clip"] for entry in report["predictions"]] == X


def test_confusion_matrix_is_drawn(run, model, music, tmp_path):
    result = run("evaluate", model, music, "--picture", tmp_path / "confusion.png")
    assert result.exit_code == 0, result.stderr
    assert min(image.imread(tmp_path / "confusion.png").shape[:2]) > 300


def test_a_broken_file_is_skipped_and_named_at_the_end(run, model, music, broken):
    result = run("evaluate", model, music)
    assert result.exit_code == 3
    assert "12 clips" in result.stdout
    assert str(broken) in result.stderr


def test_strict_stops_at_a_broken_file(run, model, music, broken):
    result = run("evaluate", model, music, "--strict")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert str(broken) in result.stderr


def test_a_genre_the_model_does_not_know_counts_as_wrong_and_is_named(run, model, music):
    next(music.iterdir()).rename(music / "polka")
    result = run("evaluate", model, music)
    assert result.exit_code == 0, result.stderr
    assert "polka" in result.stdout


def test_a_picture_that_cannot_be_written_is_named_before_the_work(run, model, music, tmp_path):
    result = run("evaluate", model, music, "--picture", tmp_path / "confusion.jpg")
    assert result.exit_code == 2
    assert "must end in .png" in result.stderr


def test_an_empty_folder_says_what_was_expected(run, model, tmp_path):
    result = run("evaluate", model, tmp_path)
    assert result.exit_code == 1
    assert "Expected files such as" in result.stderr


def test_a_report_never_takes_the_place_of_a_model(run, model, music):
    before = model.read_bytes()
    result = run("evaluate", model, music, "--json", model)
    assert result.exit_code == 2
    assert "must end in .json" in result.stderr
    assert model.read_bytes() == before


def test_the_share_that_is_answered_and_right_is_that_of_a_reject_option(run, model, music):
    X, y = load_folder(music, return_X_y=True)
    clf = load(model)
    below = float(np.sort(clf.predict_proba(X).max(axis=1))[6])  # which one file just reaches
    coverage, accuracy = RejectOption(clf, threshold=below).score_answered(X, y)
    result = run("evaluate", model, music, "--reject-below", below)
    assert result.exit_code == 0
    assert f"Accuracy {clf.score(X, y):.1%}" in result.stdout  # of all files, as without
    last = result.stdout.splitlines()[-1]
    assert f"of 12 files ({coverage:.1%}), {accuracy:.1%} of them rightly" in last
    assert "Rejecting" not in run("evaluate", model, music).stdout


def test_where_nothing_is_answered_nothing_is_said_of_right_and_wrong(run, model, music):
    result = run("evaluate", model, music, "--reject-below", "1")
    assert result.stdout.splitlines()[-1].endswith("answers 0 of 12 files (0.0%).")
