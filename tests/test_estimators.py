"""scikit-learn's own checks, on every estimator."""

import pytest
import torch
from safetensors.torch import save_file
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from genreclass import (
    CorrelationFilter,
    HandcraftedFeatures,
    MelCNNClassifier,
    MelSpectrogram,
    MusiCNNEncoder,
    OpenJMLAEncoder,
)
from genreclass.models import BoostedTreesClassifier
from genreclass.models._jmla_listener import JMLAListener
from genreclass.models._musicnn_listener import MusiCNNListener
from genreclass.models._pretrained_networks import JMLASize


class _TinyJMLA(OpenJMLAEncoder):
    """As OpenJMLAEncoder, of 8 numbers a token and one layer; a fixture writes its weights."""

    _size = JMLASize(width=8, n_heads=2, n_layers=1)


_TRAINED = {"sample_rate": 16000, "max_epochs": 2}
_MEL = MelSpectrogram(duration=0.1, n_mels=8)
_ESTIMATORS = [
    _MEL,
    MelCNNClassifier(channels=(4,), mel=_MEL, max_epochs=2),
    HandcraftedFeatures(families=["mfcc", "zcr"]),
    CorrelationFilter(),
    BoostedTreesClassifier(n_estimators=10, n_jobs=1),
    MusiCNNEncoder(features="taggram", statistics=("mean",), sample_rate=16000),
    _TinyJMLA(weights="tiny.safetensors", head=(4,), **_TRAINED),
]


@pytest.fixture
def quick_networks(weights_folder, monkeypatch):
    """Means in place of pretrained networks, which would hear thousands of toy clips for minutes.

    They are loaded and asked as ever; all around them is checked.
    """
    monkeypatch.chdir(weights_folder)

    def mean_of_bands(self, network, inputs):
        return torch.stack([picture.mean(dim=0)[:50] for picture in inputs])

    def mean_of_rows(self, network, inputs):
        return torch.stack([windows.mean(dim=(0, 2))[:8] for windows in inputs])

    monkeypatch.setattr(MusiCNNListener, "_hear", mean_of_bands)
    monkeypatch.setattr(JMLAListener, "_hear", mean_of_rows)


@pytest.fixture(scope="module")
def weights_folder(tmp_path_factory):
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: 0.5 * torch.randn(tensor.shape, generator=generator)
        for name, tensor in _TinyJMLA._size.build().state_dict().items()
    }
    folder = tmp_path_factory.mktemp("weights")
    save_file(weights, folder / "tiny.safetensors")
    return folder


def _expected_failures(estimator):
    if isinstance(estimator, BoostedTreesClassifier):
        return {
            "check_sample_weight_equivalence_on_dense_data": (
                "asks for seven digits, and XGBoost sums in single precision; see "
                "test_a_weight_of_two_is_a_row_twice"
            )
        }
    return {}


@pytest.mark.filterwarnings("ignore::genreclass.exceptions.NotMusicWarning")  # blobs are none
@parametrize_with_checks(_ESTIMATORS, expected_failed_checks=_expected_failures)
def test_scikit_learn_check(estimator, check, quick_networks):
    check(estimator)


# A tag can silence checks without a word, so their number is asserted.
@pytest.mark.parametrize(
    ("estimator", "at_least"),
    list(zip(_ESTIMATORS, (44, 60, 44, 46, 61, 44, 60), strict=True)),
)
def test_no_check_is_silently_left_out(estimator, at_least):
    checks = list(estimator_checks_generator(estimator, mark="skip"))
    assert len(checks) >= at_least
