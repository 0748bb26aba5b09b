"""The encoder of OpenJMLA, against the packages it was published with, on generated weights."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file

from genreclass import OpenJMLAEncoder
from genreclass.audio import Clip
from genreclass.exceptions import WeightsError
from genreclass.memory import kept_memory
from genreclass.models._pretrained_networks import JMLASize, _load_jmla, load_jmla
from genreclass.networks import JMLAAudioEncoder, jmla_pictures, pool_tokens

CLIPS = (
    "brahms_pd_12s",
    "fma_000255_30s",
    "gtzan_classical00012_30s",
    "gtzan_hiphop00003_17s",
    "gtzan_metal00001_1p3s",
    "silence_5s",
)


@pytest.fixture(scope="module")
def frontend(shared):
    return np.load(shared / "golden" / "openjmla" / "frontend.npz")


@pytest.fixture(scope="module")
def golden(shared):
    return np.load(shared / "golden" / "openjmla" / "seed1.npz")


@pytest.fixture(scope="module")
def read(shared):
    """Reads a clip of the golden files: samples at 16,000 Hz."""

    def read(clip):
        path = shared / "golden" / "openjmla" / "wav16k" / f"{clip}.flac"
        samples, sample_rate = soundfile.read(path, dtype="float32")
        assert sample_rate == 16000
        return samples

    return read


@pytest.fixture(scope="module")
def pretrained(openjmla_file):
    yield load_jmla(openjmla_file, JMLASize())
    _load_jmla.cache_clear()


def _noise(n_samples, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=n_samples).astype(np.float32))


def _log_mel(samples):
    """What a window is cut from, by librosa: (80, n_frames)."""
    librosa = pytest.importorskip("librosa")
    mel = librosa.feature.melspectrogram(
        y=samples,
        sr=16000,
        n_fft=400,
        hop_length=160,
        n_mels=80,
        fmin=50,
        fmax=8000,
        pad_mode="reflect",
    )
    return (np.log(mel + 1.1920929e-07) + 4.5) / 4.5


def _circular(log_mel):
    """The published padding, as its formula reads."""
    n_frames = log_mel.shape[1]
    n_times = 2992 // n_frames + 1
    if n_times % 2 == 0:
        n_times += 1
    first = (n_times * n_frames - 2992 + 1) // 2
    return np.tile(log_mel, (1, n_times))[:, first : first + 2992]


@pytest.mark.parametrize("clip", CLIPS)
def test_the_front_end_is_the_published_one(frontend, read, clip):
    samples = read(clip)
    assert len(samples) // 160 + 1 == frontend[f"{clip}/n_frames"]
    (picture,) = jmla_pictures(torch.from_numpy(samples)).double().numpy()
    found = {
        "sample": picture[:, ::17],
        "edges": picture[:, [0, 1, 2, 3, -4, -3, -2, -1]],
        "row_mean": picture.mean(axis=1),
        "row_std": picture.std(axis=1),
        "stats": [f(picture) for f in (np.mean, np.std, np.min, np.max, np.median)],
    }
    for name, values in found.items():
        expected = frontend[f"{clip}/{name}"]
        np.testing.assert_allclose(values, expected, atol=1e-4, rtol=0, err_msg=name)


def test_the_logarithm_is_the_published_one_at_both_ends(frontend, read):
    clip = "gtzan_classical00012_30s"
    # Its 3,002 frames have two windows' worth of ends: the last is behind the only window.
    (picture,) = jmla_pictures(torch.from_numpy(read(clip))).numpy()
    found = 4.5 * picture[:, :3] - 4.5
    np.testing.assert_allclose(found, frontend[f"{clip}/logmel_edges"][:, :3], atol=1e-4)
    clip = "gtzan_metal00001_1p3s"  # 131 frames, of which the whole 12th repetition is seen
    (picture,) = jmla_pictures(torch.from_numpy(read(clip))).numpy()
    first = 11 * 131 - (23 * 131 - 2992 + 1) // 2
    found = 4.5 * picture[:, first : first + 131][:, [0, 1, 2, -3, -2, -1]] - 4.5
    np.testing.assert_allclose(found, frontend[f"{clip}/logmel_edges"], atol=1e-4)


def test_silence_is_a_number_of_its_own():
    pictures = jmla_pictures(torch.zeros(80_000))
    np.testing.assert_allclose(pictures, -2.5428, atol=5e-5)


@pytest.mark.parametrize(
    ("n_frames", "n_windows"),
    [
        (1, 1),
        (2991, 1),
        (2992, 1),
        (3001, 1),
        (2992 + 1495, 1),  # what is left is less than half a window
        (2992 + 1496, 2),
        (4501, 2),  # 45 s
        (2 * 2992, 2),
        (2 * 2992 + 1495, 2),
        (2 * 2992 + 1496, 3),
    ],
)
def test_half_a_window_and_more_is_kept(n_frames, n_windows):
    samples = torch.zeros(160 * (n_frames - 1) + 159)
    assert jmla_pictures(samples).shape == (n_windows, 80, 2992)


def test_windows_follow_each_other_and_the_remainder_is_repeated():
    samples = _noise(45 * 16000)
    log_mel = _log_mel(samples.numpy())
    first, second = jmla_pictures(samples)
    np.testing.assert_allclose(first, log_mel[:, :2992], atol=2e-4)
    np.testing.assert_allclose(second, _circular(log_mel[:, 2992:]), atol=2e-4)


@pytest.mark.parametrize("n_frames", [1, 2, 7, 130, 997, 998, 1495, 1496, 1497, 2991])
def test_a_short_clip_is_repeated_about_its_middle(n_frames):
    samples = _noise(160 * (n_frames - 1) + 159)
    (picture,) = jmla_pictures(samples)
    torch.testing.assert_close(picture[:, n_frames:], picture[:, :-n_frames], rtol=0, atol=0)
    if n_frames > 2:  # shorter than half a frame, librosa has no mirror for it
        expected = _circular(_log_mel(samples.numpy()))
        np.testing.assert_allclose(picture, expected, atol=2e-4)


# Cropped, repeated less than twice, and some twenty times.
@pytest.mark.parametrize(
    "clip", ["gtzan_classical00012_30s", "gtzan_hiphop00003_17s", "gtzan_metal00001_1p3s"]
)
def test_tokens_are_those_of_the_published_code(pretrained, golden, read, clip):
    pictures = jmla_pictures(torch.from_numpy(read(clip)))
    with torch.inference_mode(), kept_memory():
        tokens = pretrained.network(pictures)
    mean, of_class = pool_tokens(tokens, "mean")[0], pool_tokens(tokens, "cls")[0]
    (tokens,) = tokens.numpy()
    # (5, 187, 768): low bands first, each in order of time; of every 11th time, all bands
    by_time = tokens[1:].reshape(5, 187, 768).mean(axis=0)[::11]
    found = {
        "tokens": tokens[golden["positions"]],
        "mean_patch": mean,
        "mean_patch_f64": mean,
        "mean_all": tokens.mean(axis=0),
        "cls_f64": of_class,
        "token_norms": np.linalg.norm(tokens, axis=1),
        "time_profile": by_time,
    }
    for name, values in found.items():
        expected = golden[f"{clip}/{name}"]
        np.testing.assert_allclose(values, expected, atol=2e-5, rtol=0, err_msg=name)


def test_the_network_has_the_weights_of_the_released_one(pretrained):
    weights = pretrained.network.state_dict()
    assert len(weights) == 150
    assert sum(weight.numel() for weight in weights.values()) == 86_366_208
    assert weights["layers.11.ffn.layers.0.0.weight"].shape == (3072, 768)


def test_the_embedding_of_a_clip_is_the_mean_of_its_patches(openjmla_file, golden, read):
    clip = "brahms_pd_12s"
    encoder = OpenJMLAEncoder(weights=openjmla_file, head=None)
    (embedding,) = encoder.transform([Clip(read(clip), 16000)])
    np.testing.assert_allclose(embedding, golden[f"{clip}/mean_patch_f64"], atol=2e-5, rtol=0)


def test_what_stands_around_the_weights_in_real_files_changes_nothing(pretrained, tmp_path):
    weights = pretrained.network.state_dict()
    others = {"neck.lm.weight": torch.zeros(3), "head.weight": torch.zeros(2, 2)}
    path = tmp_path / "whole.safetensors"
    save_file({**{f"backbone.{name}": w for name, w in weights.items()}, **others}, path)
    assert load_jmla(path, JMLASize()).digest == pretrained.digest
    path.unlink()

    path = tmp_path / "bf16.pth"
    halves = {f"module.backbone.{name}": w.bfloat16() for name, w in weights.items()}
    torch.save({"model": {**halves, **others}, "epoch": 20}, path)
    found = load_jmla(path, JMLASize()).network.state_dict()
    path.unlink()
    assert all(torch.equal(found[name], w.bfloat16().float()) for name, w in weights.items())


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    small = JMLAAudioEncoder(width=8, n_heads=2, n_layers=2).state_dict()
    path = tmp_path / "small.safetensors"
    save_file(small, path)
    with pytest.raises(WeightsError, match=r"small.safetensors is of another network: 120 of 150"):
        OpenJMLAEncoder(weights=path, head=None).fit([Clip(np.zeros(9), 16000)])
