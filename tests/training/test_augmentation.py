"""Changes to spectrograms, against the same changes to the sound."""

import librosa
import numpy as np
import pytest
import scipy
import torch
from sklearn.base import clone

from genreclass import Augmentation, MelSpectrogram
from genreclass.training import Augmenter

RATE = 22050
MEL = MelSpectrogram(duration=3.0, top_db=None, device="cpu")
KINDS = {
    "time_stretch",
    "pitch_shift",
    "noise",
    "gain",
    "equalizer",
    "time_mask",
    "frequency_mask",
    "mixup",
}


def _only(*kinds, p=1.0, **changes):
    return Augmentation(p=0, **{f"{kind}_p": p for kind in kinds}, **changes)


def _change(augmentation, spectra, targets=None, *, mel=MEL, n_frames=None, seed=0, row_mean=0.0):
    augmenter = Augmenter(
        augmentation,
        mel=mel,
        n_frames=spectra.shape[2] if n_frames is None else n_frames,
        row_mean=torch.as_tensor(row_mean).expand(spectra.shape[1]),
        n_classes=3,
        device=torch.device("cpu"),
    )
    if targets is None:
        targets = torch.arange(len(spectra)) % 3
    before = spectra.clone()
    changed = augmenter(spectra, targets, torch.Generator().manual_seed(seed))
    assert torch.equal(spectra, before)
    return changed


def _picture(samples, **parameters):
    mel = clone(MEL).set_params(**parameters)
    return torch.from_numpy(mel.transform([np.asarray(samples, dtype=np.float32)]))


def _play(*, tempo=1.0, semitones=0.0):
    """Three seconds of plucked chords, every half second one, over a drum that is noise."""
    generator = np.random.default_rng(0)
    time = np.arange(3 * RATE) / RATE
    samples = 0.01 * generator.normal(size=len(time))
    for beat in range(8):
        since = time - beat / 2 / tempo
        decay = np.where(since >= 0, np.exp(-5 * tempo * np.maximum(since, 0)), 0)
        for note in (0, 4, 7, 12):
            pitch = 220 * 2 ** ((note + 2 * beat + semitones) / 12)
            for harmonic in range(1, 9):
                samples += 0.1 / harmonic * decay * np.sin(2 * np.pi * harmonic * pitch * since)
        samples += 0.1 * decay**6 * generator.normal(size=len(time))
    return samples.astype(np.float32)


@pytest.fixture(scope="module")
def music():
    return _play()


@pytest.fixture
def spectra():
    return torch.from_numpy(
        np.random.default_rng(0).normal(-40, 15, size=(64, 128, 60)).astype(np.float32)
    )


def _mean_difference(one, other):
    one, other = one - one.mean(), other - other.mean()
    return float((one - other).abs().mean())


@pytest.mark.parametrize("tempo", [0.9, 1.1])
def test_a_stretch_is_near_the_music_played_at_that_tempo(music, tempo):
    picture, n_frames = _picture(music), 110
    expected = _picture(_play(tempo=tempo))
    augmentation = _only("time_stretch", time_stretch=(tempo, tempo))
    changed, _ = _change(augmentation, picture, n_frames=n_frames)
    assert changed.shape == (1, 128, n_frames)
    # Where it begins is drawn.
    n_later = expected.shape[2] - n_frames
    differences = [
        _mean_difference(changed, expected[:, :, first : first + n_frames])
        for first in range(n_later + 1)
    ]
    untouched = _mean_difference(picture[:, :, :n_frames], expected[:, :, :n_frames])
    assert min(differences) < 0.5 * untouched


@pytest.mark.parametrize("semitones", [-2, 2])
def test_a_shift_is_near_the_music_played_at_that_pitch(music, semitones):
    picture, expected = _picture(music), _picture(_play(semitones=semitones))
    changed, _ = _change(_only("pitch_shift", pitch_shift=(semitones, semitones)), picture)
    untouched = _mean_difference(picture, expected)
    assert _mean_difference(changed, expected) < 0.5 * untouched


@pytest.mark.parametrize("pitch", [200.0, 700.0, 950.0, 1500.0, 6000.0])
def test_a_shifted_tone_is_where_the_higher_tone_is(pitch):
    time = np.arange(RATE) / RATE
    tone, higher = (
        _picture(np.sin(2 * np.pi * f * time), duration=1.0) for f in (pitch, pitch * 2 ** (3 / 12))
    )
    changed, _ = _change(_only("pitch_shift", pitch_shift=(3, 3)), tone)
    rows = changed[0, :, 20].argmax(), higher[0, :, 20].argmax()
    assert abs(int(rows[0]) - int(rows[1])) <= 1


def test_crops_reach_every_place_of_what_was_fetched():
    ramp = torch.arange(1.0, 131).expand(2000, 128, 130).clone()
    for augmentation in (_only("pitch_shift", p=0.01), _only("time_stretch")):
        changed, _ = _change(augmentation, ramp, n_frames=100)
        assert changed.min() == 1.0
        assert changed.max() > 129.5


def test_padding_stays_padding_whatever_happens_to_the_clip(spectra):
    lengths = torch.arange(1, 61).repeat(2)[:64]
    padded = torch.arange(60) >= lengths[:, None]
    minimum = spectra.amin(dim=(1, 2), keepdim=True) - 1
    short = torch.where(padded[:, None, :], minimum, spectra)
    changed, _ = _change(_only(*(KINDS - {"mixup", "time_stretch"})), short)
    flat = (changed == changed.amin(dim=(1, 2), keepdim=True)).all(dim=1)
    assert flat[padded].all()
    assert not flat[~padded].any()
    slower = _only("time_stretch", "noise", time_stretch=(0.5, 0.5))
    changed, _ = _change(slower, short)
    flat = (changed == changed.amin(dim=(1, 2), keepdim=True)).all(dim=1)
    expected = torch.minimum(2 * (lengths - 1) + 1, torch.tensor(60))
    assert torch.equal((~flat).sum(dim=1), expected)


def test_noise_in_a_short_clip_is_measured_by_what_sounds(spectra):
    whole = spectra.repeat(1, 1, 4)
    short = whole.clone()
    short[:, :, 60:] = short.amin(dim=(1, 2), keepdim=True) - 1
    augmentation = _only("noise", noise=(0.0, 0.0))
    (of_whole, _), (of_short, _) = _change(augmentation, whole), _change(augmentation, short)
    torch.testing.assert_close(of_short[:, :, :60], of_whole[:, :, :60], rtol=0, atol=0.02)


def test_narrow_filters_hear_as_little_noise_as_they_do():
    mel = MelSpectrogram(duration=3.0, n_mels=256, n_fft=512, top_db=None, device="cpu")
    silent = torch.full((1, 256, 100), -100.0)
    silent[:, -1] = 0.0
    changed, _ = _change(_only("noise", noise=(0.0, 0.0)), silent, mel=mel)
    with pytest.warns(UserWarning, match="Empty filters"):
        empty = librosa.filters.mel(sr=RATE, n_fft=512, n_mels=256).sum(axis=1) == 0
    assert empty.any()
    assert (changed[0, empty] < -99).all()
    assert (changed[0, ~empty].mean(dim=1) > -90).all()


def test_without_enough_sound_it_is_played_no_faster_than_there_is(spectra):
    changed, _ = _change(_only("time_stretch", time_stretch=(1.1, 1.1)), spectra)
    torch.testing.assert_close(changed, spectra, rtol=0, atol=1e-2)


def test_tempo_is_drawn_from_its_range():
    ramp = torch.arange(120.0).expand(500, 128, 120).clone()
    changed, _ = _change(_only("time_stretch"), ramp, n_frames=100)
    tempo = (changed[:, 0, -1] - changed[:, 0, 0]).numpy() / 99
    assert scipy.stats.kstest(tempo, scipy.stats.uniform(0.9, 0.2).cdf).pvalue > 0.01


@pytest.mark.parametrize("decibels", [0.0, 20.0])
def test_noise_is_that_of_noise_in_the_sound(decibels):
    generator = np.random.default_rng(0)
    time = np.arange(20 * RATE) / RATE
    tone = np.sin(2 * np.pi * 1000 * time)
    noise = generator.normal(size=len(tone)) * np.sqrt(0.5 * 10 ** (-decibels / 10))
    expected = _picture(tone + noise, duration=20.0)[0]
    changed, _ = _change(_only("noise", noise=(decibels, decibels)), _picture(tone, duration=20.0))
    inside = slice(3, -3)
    expected, changed = expected[:, inside], changed[0, :, inside]
    quiet = torch.ones(128, dtype=torch.bool)
    quiet[expected.mean(dim=1).argmax() - 4 :][:9] = False  # the tone's own rows
    means = (changed.mean(dim=1) - expected.mean(dim=1))[quiet]
    assert means.abs().mean() < 0.4
    assert means.abs().max() < 1.2
    ratio = (changed.std(dim=1) / expected.std(dim=1))[quiet]
    assert 0.9 < ratio.mean() < 1.1
    assert ratio.min() > 0.8
    assert ratio.max() < 1.7  # of the lowest rows, which are of a bin or two


def test_gain_is_that_of_the_sound(music):
    louder, _ = _change(_only("gain", gain=(6.0, 6.0)), _picture(music))
    expected = _picture(music * 10 ** (6 / 20))
    heard = expected > -90
    torch.testing.assert_close(louder[heard], expected[heard], rtol=0, atol=2e-2)


def test_the_equalizer_is_a_filter_of_the_sound(music):
    picture = _picture(music)
    changed, _ = _change(_only("equalizer", equalizer=12.0), picture)
    curve = (changed - picture)[0].mean(dim=1).numpy()
    assert np.ptp(curve) > 3
    assert np.abs(curve).max() <= 12
    middles = librosa.mel_frequencies(130, fmin=0, fmax=RATE / 2)[1:-1]
    frequencies = np.concatenate([[0], middles, [RATE / 2]])
    levels = 10 ** (np.concatenate([curve[:1], curve, curve[-1:]]) / 20)
    taps = scipy.signal.firwin2(4095, frequencies, levels, fs=RATE)
    filtered = _picture(scipy.signal.fftconvolve(music, taps, mode="same"))
    assert (changed - filtered)[:, :, 5:-5].abs().mean() < 0.5


@pytest.mark.parametrize(("kind", "dim"), [("time_mask", 2), ("frequency_mask", 1)])
def test_masks_hide_one_band_under_what_is_average(spectra, kind, dim):
    row_mean = torch.linspace(-20, 20, 128)
    changed, _ = _change(_only(kind, **{kind: 0.3}), spectra, row_mean=row_mean)
    other = 3 - dim
    hidden = (changed != spectra).all(dim=other)
    assert torch.equal(hidden, (changed != spectra).any(dim=other))
    n_edges = (hidden[:, 1:] != hidden[:, :-1]).sum(dim=1)
    assert n_edges.max() <= 2
    assert hidden.float().mean(dim=1).max() <= 0.3 + 1 / hidden.shape[1]
    assert hidden.any(dim=0).float().mean() > 0.95  # anywhere
    for before, after, where in zip(spectra, changed, hidden, strict=True):
        if where.any():
            there = after.movedim(dim - 1, 0)[where]
            average = (before.mean() + row_mean)[:, None].expand_as(before)
            torch.testing.assert_close(there, average.movedim(dim - 1, 0)[where])


def test_mixup_mixes_pictures_and_labels_alike(spectra):
    spectra, targets = spectra[:63], torch.arange(63) % 3  # no two of one class are neighbours
    changed, shares = _change(_only("mixup"), spectra, targets)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(63))
    share = shares[torch.arange(63), targets][:, None, None]
    torch.testing.assert_close(changed, share * spectra + (1 - share) * spectra.roll(1, dims=0))
    assert (shares.argmax(dim=1) == targets).all()


def test_shares_of_mixup_are_beta_distributed():
    targets = torch.arange(3000) % 3
    _, shares = _change(_only("mixup", mixup=0.4), torch.zeros(3000, 128, 2), targets)
    share = shares[torch.arange(3000), targets].numpy()
    beta = scipy.stats.beta(0.4, 0.4)
    larger = scipy.stats.kstest(share, lambda x: beta.cdf(x) - beta.cdf(1 - x))
    assert larger.pvalue > 0.01


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_happens_as_often_as_it_shall(spectra, kind):
    many = spectra.repeat(10, 1, 1)[:, :, :50]
    changed, targets = _change(_only(kind, p=0.3, time_stretch=(0.8, 0.9)), many)
    share = float((changed != many).any(dim=2).any(dim=1).float().mean())
    assert 0.2 < share < 0.37  # of 640; some drawn changes are too small to change anything
    assert (targets.ndim == 2) == (kind == "mixup")
    untouched, _ = _change(_only(), many)
    assert torch.equal(untouched, many)


def test_a_probability_that_is_not_given_is_that_of_all():
    assert set(Augmentation().probabilities) == KINDS
    assert Augmentation(p=0.2, noise_p=0.7).probabilities == {
        kind: 0.7 if kind == "noise" else 0.2 for kind in KINDS
    }


def test_changes_come_from_the_generator_alone(spectra):
    first, again, other = (_change(Augmentation(), spectra, seed=seed) for seed in (1, 1, 2))
    for one, two, three in zip(first, again, other, strict=True):
        assert torch.equal(one, two)
        assert not torch.equal(one, three)
    state = torch.get_rng_state()
    _change(Augmentation(), spectra)
    assert torch.equal(torch.get_rng_state(), state)


def test_extra_rows_keep_what_only_mel_rows_can_have(spectra):
    with_extra = torch.cat([spectra, spectra[:, :13]], dim=1)
    augmentation = _only("noise", "equalizer", "frequency_mask")
    changed, _ = _change(augmentation, with_extra)
    assert torch.equal(changed[:, 128:], with_extra[:, 128:])
    assert (changed[:, :128] != with_extra[:, :128]).any(dim=2).all()


def test_a_crop_of_one_frame_and_a_batch_of_one_clip_are_changed_too():
    changed, shares = _change(Augmentation(), torch.zeros(1, 128, 1))
    assert changed.shape == (1, 128, 1)
    assert torch.isfinite(changed).all()
    assert shares.tolist() == [[1.0, 0.0, 0.0]]


def test_silence_stays_finite():
    changed, _ = _change(Augmentation(), torch.full((16, 128, 30), -100.0))
    assert torch.isfinite(changed).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"time_stretch": 1.1}, r"time_stretch must be a pair \(low, high\)"),
        ({"time_stretch": (1.1, 0.9)}, "time_stretch must be a pair"),
        ({"time_stretch": (0.0, 1.0)}, "within 0.5 to 2"),
        ({"pitch_shift": (-2.0, float("nan"))}, "pitch_shift must be"),
        ({"pitch_shift": "2"}, "pitch_shift must be"),
        ({"time_mask": 1.5}, "time_mask must be a number from 0 to 1"),
        ({"mixup": 0}, "mixup must be a number from 0.01"),
        ({"mixup_p": -0.1}, "mixup_p must be a number from 0 to 1"),
        ({"noise_p": True}, "noise_p must be"),
        ({"p": None}, "p must be a number from 0 to 1"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**parameters).check()
    clone(Augmentation(**parameters))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_nothing_is_waited_for(spectra):
    device = torch.device("cuda")
    augmenter = Augmenter(
        Augmentation(),
        mel=MEL,
        n_frames=50,
        row_mean=torch.zeros(128),
        n_classes=3,
        device=device,
    )
    generator = torch.Generator(device).manual_seed(0)
    batch, targets = spectra.to(device), (torch.arange(64) % 3).to(device)
    torch.cuda.set_sync_debug_mode("error")
    try:
        changed, shares = augmenter(batch, targets, generator)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert changed.shape == (64, 128, 50)
    assert shares.shape == (64, 3)
