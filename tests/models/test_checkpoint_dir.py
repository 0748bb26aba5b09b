"""Which runs of an estimator are the same, and what a user meets."""

import os
import signal

import numpy as np
import pytest
import torch
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from genreclass import MelCNNClassifier, MelSpectrogram, load, save
from genreclass.audio import Clip
from genreclass.exceptions import AudioReadError, CheckpointError, TrainingPaused
from genreclass.training import _loop

MEL = {"duration": 0.5, "n_mels": 32}


@pytest.fixture
def steps(monkeypatch):
    """Grows by one with every batch trained."""
    done = []
    step = _loop._step
    monkeypatch.setattr(_loop, "_step", lambda *args: (step(*args), done.append(1)))
    return done


def _make(folder, **changes):
    parameters = {
        "channels": (4, 8),
        "mel": MelSpectrogram(**MEL),
        "crop_s": 0.2,
        "max_epochs": 2,
        "batch_size": 6,
        "checkpoint_dir": folder,
        "random_state": 0,
    }
    return MelCNNClassifier(**{**parameters, **changes})


def _same(one, other):
    pairs = zip(
        one.network_.state_dict().values(), other.network_.state_dict().values(), strict=True
    )
    return all(torch.equal(*pair) for pair in pairs)


def test_a_second_fit_takes_what_the_first_one_trained(tones, tmp_path, steps):
    first = _make(tmp_path).fit(*tones)
    assert len(steps) == 4
    second = _make(tmp_path).fit(*tones)
    assert len(steps) == 4
    assert _same(first, second)
    assert second.history_ == first.history_
    assert second.best_epoch_ == first.best_epoch_
    np.testing.assert_array_equal(first.predict_proba(tones[0]), second.predict_proba(tones[0]))


def test_a_run_with_checkpoints_ends_as_one_without(tones, tmp_path):
    assert _same(_make(tmp_path).fit(*tones), _make(None).fit(*tones))


@pytest.mark.parametrize(
    "change",
    [
        {"device": "cpu"},
        {"verbose": 1},
        {"checkpoint_minutes": 1.0},
        {"channels": [4, 8]},
        {"channels": np.array([4, 8])},
        {"crop_s": np.float64(0.2)},
        {"mel": MelSpectrogram(**MEL, n_jobs=2)},
    ],
)
def test_how_it_is_computed_makes_no_other_run(tones, tmp_path, steps, change):
    _make(tmp_path).fit(*tones)
    _make(tmp_path, **change).fit(*tones)
    assert len(steps) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"max_epochs": 3},
        {"learning_rate": 1e-3},
        {"channels": (8, 4)},
        {"patience": 5},
        {"class_weight": {"low": 1.0, "high": 2.0}},
        {"random_state": 1},
        {"mel": MelSpectrogram(**MEL, top_db=70.0)},
    ],
)
def test_another_parameter_makes_another_run(tones, tmp_path, steps, change):
    _make(tmp_path).fit(*tones)
    _make(tmp_path, **change).fit(*tones)
    assert len(steps) > 4


def test_the_default_spectrogram_is_one_that_says_the_same(tmp_path, steps):
    from genreclass.datasets import make_clips

    clips = make_clips(n_clips=6, n_genres=2, duration=0.5, random_state=0)
    _make(tmp_path, mel=None).fit(clips.data, clips.target)
    _make(tmp_path, mel=MelSpectrogram()).fit(clips.data, clips.target)
    assert len(steps) == 2


def test_the_same_sound_in_another_form_is_the_same_run(tones, tmp_path, steps):
    clips, labels = tones
    _make(tmp_path).fit(clips, labels)
    _make(tmp_path).fit(np.stack(clips), labels)
    _make(tmp_path).fit([Clip(clip, 22050) for clip in clips], labels.tolist())
    assert len(steps) == 4


@pytest.mark.parametrize("change", ["sound", "label", "order", "fewer", "groups", "validation"])
def test_other_data_make_another_run(tones, tmp_path, steps, change):
    clips, labels = tones
    _make(tmp_path).fit(clips, labels)
    clips, labels, more = list(clips), labels.copy(), {}
    if change == "sound":
        clips[0] = clips[0].copy()
        clips[0][100] += 1e-3
    elif change == "label":
        labels[0] = labels[1]
    elif change == "order":
        clips.reverse()
        labels = labels[::-1]
    elif change == "fewer":
        clips, labels = clips[:-1], labels[:-1]
    elif change == "groups":
        more = {"groups": list(range(12))}
    else:
        more = {"X_val": clips[:2], "y_val": labels[:2]}
    _make(tmp_path).fit(clips, labels, **more)
    assert len(steps) > 4


def test_spectrograms_that_are_given_are_known_again(tones, tmp_path, steps):
    clips, labels = tones
    pipeline = make_pipeline(MelSpectrogram(**MEL), _make(tmp_path, mel="passthrough"))
    pipeline.fit(clips, labels)
    pipeline.fit(clips, labels)
    assert len(steps) == 4
    pipeline.fit(clips[:11], labels[:11])
    assert len(steps) == 8


def test_folds_share_a_folder_and_do_not_meet(tones, tmp_path, steps):
    scores = cross_val_score(_make(tmp_path), *tones, cv=3)
    assert len(list(tmp_path.iterdir())) == 3
    np.testing.assert_array_equal(scores, cross_val_score(_make(None), *tones, cv=3))
    trained = len(steps)
    np.testing.assert_array_equal(scores, cross_val_score(_make(tmp_path), *tones, cv=3))
    assert len(steps) == trained


@pytest.mark.parametrize("backend", ["sequential", "threading", "loky"])
def test_candidates_that_need_the_same_run_share_it(tones, tmp_path, backend):
    from joblib import parallel_config
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    pipeline = make_pipeline(_make(tmp_path), LogisticRegression())
    grid = {"logisticregression__C": [0.1, 1.0, 10.0]}
    with parallel_config(backend=backend, n_jobs=2):
        search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(*tones)
    assert len(list(tmp_path.iterdir())) == 3  # two folds, and the last fit
    pipeline.set_params(melcnnclassifier__checkpoint_dir=None)
    expected = GridSearchCV(pipeline, grid, cv=2).fit(*tones)
    for key in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(search.cv_results_[key], expected.cv_results_[key])


def test_where_a_run_goes_on_is_said(tones, tmp_path, capsys):
    _make(tmp_path, verbose=1).fit(*tones)
    assert "Going on" not in capsys.readouterr().err
    _make(tmp_path, verbose=1).fit(*tones)
    (folder,) = tmp_path.iterdir()
    said = f"Going on in {folder}: it stands after 2 of 2 epochs."
    assert said in capsys.readouterr().err


def test_without_a_seed_every_fit_trains(tones, tmp_path, steps):
    first = _make(tmp_path, random_state=None).fit(*tones)
    second = _make(tmp_path, random_state=None).fit(*tones)
    assert len(steps) == 8
    assert not _same(first, second)


def test_a_generator_is_a_seed_by_its_state(tones, tmp_path, steps):
    first = _make(tmp_path, random_state=np.random.RandomState(3)).fit(*tones)
    second = _make(tmp_path, random_state=np.random.RandomState(3)).fit(*tones)
    assert len(steps) == 4
    assert _same(first, second)
    generator = np.random.RandomState(3)
    _make(tmp_path, random_state=generator).fit(*tones)
    _make(tmp_path, random_state=generator).fit(*tones)  # drawn from before
    assert len(steps) == 8


def test_the_folder_may_be_a_path_and_is_made(tones, tmp_path):
    _make(tmp_path / "a" / "b").fit(*tones)
    (run,) = (tmp_path / "a" / "b").iterdir()
    assert (run / "run.json").is_file()


def test_home_is_meant_by_a_tilde(tones, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    _make("~/runs").fit(*tones)
    assert (tmp_path / "runs").is_dir()


@pytest.mark.parametrize("folder", ["", 3, True, ["runs"]])
def test_an_odd_folder_is_named(tones, folder):
    with pytest.raises(ValueError, match="checkpoint_dir must be the path of a folder or None"):
        _make(folder).fit(*tones)


@pytest.mark.parametrize("minutes", [-1.0, "5", None, float("nan")])
def test_odd_minutes_are_named(tones, tmp_path, minutes):
    with pytest.raises((TypeError, ValueError), match="checkpoint_minutes"):
        _make(tmp_path, checkpoint_minutes=minutes).fit(*tones)


def test_a_folder_that_cannot_be_written_is_named_before_any_work(tones, tmp_path, steps):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="file cannot be written"):
        _make(tmp_path / "file").fit(*tones)
    assert steps == []


def test_a_saved_model_forgets_its_folder(tones, tmp_path):
    classifier = _make(tmp_path / "runs").fit(*tones)
    save(classifier, tmp_path / "mine.genre")
    assert load(tmp_path / "mine.genre").checkpoint_dir is None
    assert classifier.checkpoint_dir == tmp_path / "runs"


def test_a_resumed_run_keeps_to_its_split(tones, tmp_path, monkeypatch):
    from genreclass.models import _fit_network

    expected = _make(None, patience=2, validation_fraction=0.25).fit(*tones)
    classifier = _make(tmp_path, patience=2, validation_fraction=0.25)
    with monkeypatch.context() as patch:
        patch.setattr(_loop, "_end_epoch", lambda *args: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(TrainingPaused):
            classifier.fit(*tones)
    monkeypatch.setattr(  # as another version of scikit-learn might draw it
        _fit_network, "split_validation", lambda *args, **kwargs: (range(3, 12), range(3))
    )
    assert _same(classifier.fit(*tones), expected)


def test_groups_that_read_the_same_are_not(tones, tmp_path, steps):
    one, other = np.array([1, "1", 2, "2"] * 3, dtype=object), np.array([1, 1, 2, 2] * 3)
    _make(tmp_path).fit(*tones, groups=one)
    _make(tmp_path).fit(*tones, groups=other)
    assert len(steps) == 8


def test_files_that_cannot_be_read_make_no_run(tones, tmp_path):
    paths = [tmp_path / f"{index}.wav" for index in range(4)]
    with pytest.raises(AudioReadError, match=r"Clip 0: .*0\.wav does not exist"):
        _make(tmp_path / "runs").fit(paths, ["a", "b", "a", "b"])
    assert not (tmp_path / "runs").exists()


def test_a_class_written_anew_is_another(tones, tmp_path, steps):
    for depth in (4, 8):
        namespace = {}
        exec(  # as a cell of a notebook is run again
            "from genreclass import MelCNNClassifier as Base\n"
            "class Mine(Base):\n"
            f"    def _make_network(self, *args): self.channels = ({depth},); "
            "return super()._make_network(*args)\n",
            namespace,
        )
        parameters = _make(tmp_path).get_params(deep=False)
        namespace["Mine"](**parameters).fit(*tones)
    assert len(steps) == 8
