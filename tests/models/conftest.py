"""Pretrained encoders that are small or quick enough to test with."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from genreclass import MusiCNNEncoder, OpenJMLAEncoder
from genreclass.models._pretrained_networks import JMLASize


class TinyJMLA(OpenJMLAEncoder):
    """As OpenJMLAEncoder, of 8 numbers a token and two layers."""

    _size = JMLASize(width=8, n_heads=2, n_layers=2)


@pytest.fixture
def make_tiny_weights(tmp_path):
    """Writes a file of random weights for a TinyJMLA."""

    def make(name="tiny.safetensors", seed=0):
        generator = torch.Generator().manual_seed(seed)
        weights = {
            name: 0.5 * torch.randn(tensor.shape, generator=generator)
            for name, tensor in TinyJMLA._size.build().state_dict().items()
        }
        save_file(weights, tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def heard_before(tmp_path_factory):
    """A folder in which embeddings are kept, of the same clips in many tests."""
    return tmp_path_factory.mktemp("heard")


@pytest.fixture
def kept(heard_before, monkeypatch):
    """What one test has heard, another need not hear again."""
    monkeypatch.setenv("GENRECLASS_HOME", str(heard_before))
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "1")


@pytest.fixture
def make_jmla(make_tiny_weights, kept):
    """Makes a TinyJMLA that learns in a second."""
    weights = make_tiny_weights()

    def make(**changes):
        settings = {
            "weights": weights,
            "head": (4,),
            "sample_rate": 22050,
            "max_epochs": 4,
            "batch_size": 4,
            "learning_rate": 3e-2,
            "random_state": 0,
        }
        return TinyJMLA(**{**settings, **changes})

    return make


@pytest.fixture
def make_musicnn(kept):
    """Makes a MusiCNNEncoder that learns in a second."""

    def make(**changes):
        settings = {
            "head": (4,),
            "features": "penultimate",
            "statistics": ("mean",),
            "sample_rate": 22050,
            "max_epochs": 4,
            "batch_size": 4,
            "learning_rate": 3e-2,
            "random_state": 0,
        }
        return MusiCNNEncoder(**{**settings, **changes})

    return make


@pytest.fixture(params=["musicnn", "openjmla"])
def make(request):
    """Makes either of the encoders."""
    return request.getfixturevalue(
        {"musicnn": "make_musicnn", "openjmla": "make_jmla"}[request.param]
    )


@pytest.fixture
def heard(monkeypatch):
    """Grows by the number of windows whenever a pretrained network hears some."""
    from genreclass.models._jmla_listener import JMLAListener, JMLATokens, TunedJMLAListener
    from genreclass.models._musicnn_listener import MusiCNNListener
    from genreclass.networks import patches_of

    n_windows = []
    for listener in (JMLAListener, JMLATokens, TunedJMLAListener):
        embed = listener._embed
        monkeypatch.setattr(
            listener,
            "_embed",
            lambda self, network, windows, _embed=embed: (
                n_windows.append(len(windows)) or _embed(self, network, windows)
            ),
        )
    summarise = MusiCNNListener._summarise

    def counted(self, network, picture):
        n_windows.append(len(patches_of(picture, hop=self.hop)))
        return summarise(self, network, picture)

    monkeypatch.setattr(MusiCNNListener, "_summarise", counted)
    return n_windows
