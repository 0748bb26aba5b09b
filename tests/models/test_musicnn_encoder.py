"""MusiCNN as a scikit-learn estimator; what it shares is in test_pretrained_encoder.py."""

import numpy as np
import pytest
import soundfile

from genreclass import MusiCNNEncoder
from genreclass.audio import Clip
from genreclass.dsp import STATISTICS
from genreclass.networks import MusiCNN

# Toy clips may be silence or noise.
pytestmark = pytest.mark.filterwarnings("ignore::genreclass.exceptions.NotMusicWarning")

FEATURES = tuple(MusiCNN.widths)


@pytest.fixture(scope="module")
def golden(shared):
    return np.load(shared / "golden" / "musicnn" / "tf114.npz")


@pytest.fixture(scope="module")
def brahms(shared):
    samples, rate = soundfile.read(
        shared / "golden" / "openjmla" / "wav16k" / "brahms_pd_12s.flac", dtype="float32"
    )
    return [Clip(samples, rate)]


@pytest.mark.parametrize(("features", "tolerance"), [("taggram", 5e-5), ("mean_pool", 1e-3)])
def test_columns_are_statistics_over_published_patches(golden, brahms, features, tolerance):
    patches = golden[f"brahms_pd_12s/no_overlap/MSD_musicnn/{features}"]
    statistics = ("max", "mean", "std", "median", "min")
    encoder = MusiCNNEncoder(features=features, statistics=statistics, hop=187)
    (row,) = encoder.transform(brahms)
    expected = [getattr(np, name)(patches, axis=0) for name in statistics]
    np.testing.assert_allclose(row, np.concatenate(expected), atol=tolerance, rtol=0)


def test_columns_stand_statistic_by_statistic_as_they_are_asked_for(golden, brahms):
    tags = golden["brahms_pd_12s/MTT_musicnn/tags"].tolist()
    encoder = MusiCNNEncoder(features="taggram", statistics=("std", "mean"), model="mtt", hop=187)
    names = encoder.get_feature_names_out().tolist()
    assert names == [f"musicnn_{statistic}_{tag}" for statistic in ("std", "mean") for tag in tags]
    frame = encoder.set_output(transform="pandas").transform(brahms)
    assert frame.columns.tolist() == names
    assert frame["musicnn_mean_classical"].item() > 0.5
    assert frame["musicnn_mean_techno"].item() < 0.05


@pytest.mark.parametrize("features", FEATURES)
def test_names_are_distinct_and_as_many_as_columns(tones, features):
    encoder = MusiCNNEncoder(features=features, statistics=STATISTICS)
    names = encoder.get_feature_names_out()
    assert len(set(names)) == len(names) == 7 * MusiCNN.widths[features]
    assert encoder.transform([Clip(tones[0][0], 22050)]).shape == (1, len(names))
    if features == "mean_pool":
        assert names[1] == "musicnn_kurtosis_001"


@pytest.mark.parametrize(
    "change",
    [
        {"features": "taggram"},
        {"statistics": ("max",)},
        {"model": "mtt"},
        {"hop": 187},
        {"duration": 4.0},
    ],
)
def test_what_is_heard_otherwise_is_kept_apart(brahms, heard, tmp_path, monkeypatch, change):
    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path))
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "1")
    clips = [Clip(brahms[0].samples[:80_000], 16000)]
    settings = {"features": "penultimate", "statistics": ("mean",), "hop": 61}
    before = MusiCNNEncoder(**settings).transform(clips)
    n_before = sum(heard)
    after = MusiCNNEncoder(**{**settings, **change}).transform(clips)
    assert sum(heard) > n_before
    assert after.shape != before.shape or (after != before).any()


def test_a_long_clip_is_heard_whole(brahms, heard):
    samples = np.tile(brahms[0].samples, 8)[: 90 * 16000]
    encoder = MusiCNNEncoder(features="taggram", statistics=("mean",), hop=500)
    row = encoder.transform([Clip(samples, 16000)])
    assert row.shape == (1, 50)
    assert sum(heard) == (90 * 16000 // 256 + 1 - 187) // 500 + 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": "tags"}, "features must be one of taggram, penultimate, mean_pool, max_pool"),
        ({"features": None}, "features must be one of"),
        ({"statistics": "mean"}, "statistics must hold some of kurtosis, max"),
        ({"statistics": ()}, "statistics must hold some of"),
        ({"statistics": None}, "statistics must hold some of"),
        ({"statistics": ("mean", "mode")}, "statistics must hold some of"),
        ({"statistics": ("mean", "mean")}, "each once"),
        ({"statistics": [["mean"]]}, "statistics must hold some of"),
        ({"model": "vgg"}, "model must be one of msd, mtt"),
        ({"hop": 0}, "hop"),
    ],
)
def test_a_parameter_out_of_range_is_named(tones, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        MusiCNNEncoder(sample_rate=22050, **changes).fit(tones[0])
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=message):
        MusiCNNEncoder(**changes).get_feature_names_out()


@pytest.mark.parametrize(
    "change", [{"features": "max_pool"}, {"statistics": ("std", "mean")}, {"hop": 187}]
)
def test_a_head_is_not_asked_of_other_embeddings_than_it_was_fitted_on(brahms, tones, change):
    X = [Clip(samples, 22050) for samples in tones[0]]
    clf = MusiCNNEncoder(head=(), max_epochs=1, random_state=0).fit(X, tones[1])
    with pytest.raises(ValueError, match="was fitted with other parameters"):
        clf.set_params(**change).predict(X)
    back = {"features": "mean_pool", "statistics": ("mean", "std"), "hop": 61, "duration": 0.4}
    assert len(clf.set_params(**back).predict(X)) == len(X)


def test_a_transformer_gives_what_it_is_set_to(brahms):
    encoder = MusiCNNEncoder(features="taggram", statistics=("mean",)).fit(brahms)
    assert encoder.set_params(statistics=("mean", "std")).transform(brahms).shape == (1, 100)
