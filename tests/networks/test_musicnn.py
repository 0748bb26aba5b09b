"""MusiCNN, against what the published package computed under TensorFlow."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import numpy as np
import pytest
import soundfile
import torch

from genreclass.memory import kept_memory
from genreclass.models._pretrained_networks import MUSICNN_MODELS, load_musicnn
from genreclass.networks import MusiCNN, musicnn_picture, patches_of

# Absolute, and relative to what is expected: of the network alone, and with its front end.
FROM_MEL = {
    "taggram": (2e-5, 0),
    "penultimate": (5e-5, 0),
    "mean_pool": (1e-4, 2e-5),
    "max_pool": (1e-4, 2e-5),
}
FROM_SOUND = {
    "taggram": (5e-5, 0),
    "penultimate": (5e-4, 0),
    "mean_pool": (1e-3, 0),
    "max_pool": (2e-2, 0),
}

# What tools/convert_musicnn.py made of the published weights.
SHA256 = {
    "msd": "501cfdf9a55bced9bd4ff10723c390c9660c9fc9b16f831c556191772fcdc2d8",
    "mtt": "5a2e5d0723697a4fb26ff5ddd1f2a2da16f02677ba7bc94ba3de530721c88bfc",
}


@pytest.fixture(scope="module")
def golden(shared):
    return np.load(shared / "golden" / "musicnn" / "tf114.npz")


@pytest.fixture(scope="module")
def read(shared):
    """Reads a clip of the golden files: a tensor of samples at 16,000 Hz."""

    def read(clip):
        path = shared / "golden" / "openjmla" / "wav16k" / f"{clip}.flac"
        samples, sample_rate = soundfile.read(path, dtype="float32")
        assert sample_rate == 16000
        return torch.from_numpy(samples)

    return read


def _log_mel(golden, clip):
    """The spectrogram that the published package made: (n_frames, 96)."""
    return torch.from_numpy(np.log10(10000 * golden[f"{clip}/mel_f16"].astype(np.float32) + 1))


def musicnn_patches(samples, hop):
    return patches_of(musicnn_picture(samples), hop=hop)


def _hear(model, patches):
    with torch.inference_mode(), kept_memory():
        parts = [load_musicnn(model).network(few) for few in patches.split(8)]
    return {
        field: torch.cat([getattr(part, field) for part in parts]).numpy()
        for field in MusiCNN.widths
    }


def _assert_published(heard, golden, key, tolerances):
    for field, (absolute, relative) in tolerances.items():
        expected = golden[f"{key}/{field}"]
        np.testing.assert_allclose(
            heard[field], expected, atol=absolute, rtol=relative, err_msg=field
        )


@pytest.mark.parametrize(
    ("clip", "model"),
    [("brahms_pd_12s", "mtt"), ("gtzan_hiphop00003_17s", "msd"), ("silence_5s", "mtt")],
)
def test_published_spectrograms_give_published_numbers(golden, clip, model):
    patches = _log_mel(golden, clip).unfold(0, 187, 61).transpose(1, 2)
    key = f"{clip}/{model.upper()}_musicnn"
    _assert_published(_hear(model, patches), golden, key, FROM_MEL)


@pytest.mark.parametrize(
    ("clip", "model"),
    [
        ("brahms_pd_12s", "msd"),
        ("gtzan_classical00012_30s", "msd"),
        ("gtzan_hiphop00003_17s", "mtt"),
        ("silence_5s", "msd"),
    ],
)
def test_sound_gives_published_numbers(golden, read, clip, model):
    heard = _hear(model, musicnn_patches(read(clip), hop=61))
    _assert_published(heard, golden, f"{clip}/{model.upper()}_musicnn", FROM_SOUND)


@pytest.mark.parametrize("hop", [1, 61, 187, 300])
def test_overlapping_patches_are_heard_as_each_by_itself(read, hop):
    picture = musicnn_picture(read("brahms_pd_12s"))[: 190 if hop == 1 else None]
    network = load_musicnn("msd").network
    with torch.inference_mode():
        together, each = network.hear(picture, hop=hop), network(patches_of(picture, hop=hop))
    for field, found, expected in zip(together._fields, together, each, strict=True):
        torch.testing.assert_close(
            found, expected, rtol=1e-5, atol=2e-5, msg=lambda text, field=field: f"{field}: {text}"
        )


@pytest.mark.parametrize("model", ["msd", "mtt"])
def test_a_clip_heard_at_once_gives_published_numbers(golden, read, model):
    with torch.inference_mode():
        output = load_musicnn(model).network.hear(musicnn_picture(read("brahms_pd_12s")), hop=61)
    heard = {field: tensor.numpy() for field, tensor in output._asdict().items()}
    _assert_published(heard, golden, f"brahms_pd_12s/{model.upper()}_musicnn", FROM_SOUND)


def test_patches_end_to_end_give_published_numbers(golden, read):
    key = "brahms_pd_12s/no_overlap/MSD_musicnn"
    patches = _log_mel(golden, "brahms_pd_12s").unfold(0, 187, 187).transpose(1, 2)
    _assert_published(_hear("msd", patches), golden, key, FROM_MEL)
    patches = musicnn_patches(read("brahms_pd_12s"), hop=187)
    _assert_published(_hear("msd", patches), golden, key, FROM_SOUND)


def test_every_layer_is_the_published_one(golden):
    clip = "brahms_pd_12s"
    patches = _log_mel(golden, clip).unfold(0, 187, 61).transpose(1, 2)
    network = load_musicnn("msd").network
    with torch.inference_mode():
        picture = network.input_norm(patches[:2, None])
        timbral = torch.cat([part(picture) for part in network.timbral], dim=1)
        temporal = torch.cat([part(picture) for part in network.temporal], dim=1)
        first = network.mid[0](torch.cat([timbral, temporal], dim=1))
        second = first + network.mid[1](first)
        third = second + network.mid[2](second)
    layers = {
        "timbral": timbral,
        "temporal": temporal,
        "cnn1": first,
        "cnn2": second,
        "cnn3": third,
    }
    for name, layer in layers.items():
        expected = golden[f"{clip}/MSD_musicnn/{name}_every20frames"]
        found = layer[:, :, ::20].transpose(1, 2)
        np.testing.assert_allclose(found, expected, atol=2e-4, rtol=2e-5, err_msg=name)


@pytest.mark.parametrize("clip", ["brahms_pd_12s", "gtzan_hiphop00003_17s", "silence_5s"])
def test_the_front_end_is_the_published_one(golden, read, clip):
    expected = _log_mel(golden, clip)
    patches = musicnn_patches(read(clip), hop=187)
    assert len(patches) == len(expected) // 187
    found = patches.flatten(0, 1)
    # A last digit of half precision, in the few places that round to the other side.
    off = (found - expected[: len(found)]).abs()
    assert off.max() < 5e-4
    assert (off > 1e-6).float().mean() < 5e-3


@pytest.mark.parametrize(("hop", "n_patches"), [(61, 28), (187, 10), (1689, 2), (1690, 1)])
def test_thirty_seconds_have_so_many_patches(hop, n_patches):
    # Of 1,876 frames, of which the last patch may begin in the 1,689th.
    assert musicnn_patches(torch.zeros(480_000), hop=hop).shape == (n_patches, 187, 96)


def test_patches_begin_every_hop():
    samples = torch.from_numpy(np.random.default_rng(0).normal(size=80_000).astype(np.float32))
    patches = musicnn_patches(samples, hop=61)
    every_frame = musicnn_patches(samples, hop=1)
    torch.testing.assert_close(patches, every_frame[::61], rtol=0, atol=0)


def test_a_clip_shorter_than_a_patch_is_repeated():
    samples = torch.from_numpy(np.random.default_rng(0).normal(size=20_000).astype(np.float32))
    n_frames = 20_000 // 256 + 1
    (patch,) = musicnn_patches(samples, hop=61)
    assert patch[:n_frames].unique(dim=0).shape == (n_frames, 96)
    torch.testing.assert_close(patch[n_frames:], patch[:-n_frames], rtol=0, atol=0)


@pytest.mark.parametrize("n_samples", [1, 255, 256, 257, 47_615, 47_616, 47_617])
def test_a_clip_of_any_length_has_one_patch_at_least(n_samples):
    patches = musicnn_patches(torch.full((n_samples,), 0.1), hop=61)
    assert patches.shape == (1, 187, 96)
    assert patches.isfinite().all()


def test_a_clip_too_loud_for_half_precision_stays_finite():
    noise = torch.from_numpy(np.random.default_rng(0).normal(size=48_000).astype(np.float32))
    loud = musicnn_patches(1e4 * noise, hop=61)
    assert loud.max() == pytest.approx(np.log10(10000 * 65504.0 + 1))
    assert all(np.isfinite(field).all() for field in _hear("msd", loud).values())


@pytest.mark.parametrize("model", MUSICNN_MODELS)
def test_the_weights_are_those_that_were_converted(model):
    path = files("genreclass.networks") / "musicnn" / f"{model}_musicnn.safetensors"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == SHA256[model]
    weights = load_musicnn(model).network.state_dict()
    assert len(weights) == 64
    assert sum(weight.numel() for weight in weights.values()) == 792_079


@pytest.mark.parametrize("model", MUSICNN_MODELS)
def test_tags_are_in_the_published_order(golden, model):
    tags = golden[f"brahms_pd_12s/{model.upper()}_musicnn/tags"]
    assert load_musicnn(model).tags == tuple(tags.tolist())
