"""The reader, against soundfile, soxr and librosa, on good and on bad files."""

import contextlib
import os
import shlex
import signal

import librosa
import numpy as np
import pytest
import soundfile
import soxr

from genreclass.audio import AUDIO_SUFFIXES, Clip, read_clip
from genreclass.audio._read import read_middle
from genreclass.exceptions import AudioReadError, GenreclassError

RATE = 22050
FORMATS = {
    "wav": {"samplerate": RATE},
    "flac": {"samplerate": RATE},
    "ogg": {"samplerate": RATE},
    "opus": {"samplerate": 48000, "format": "OGG", "subtype": "OPUS"},
    "mp3": {"samplerate": RATE},
    "au": {"samplerate": RATE},
    "aiff": {"samplerate": RATE},
}


def noise(n_samples, *, n_channels=1, seed=0):
    """Coloured noise: no two stretches of it are alike."""
    samples = np.random.default_rng(seed).normal(size=(n_samples, n_channels))
    samples = 0.2 * np.cumsum(samples - samples.mean(axis=0), axis=0)
    return (0.5 * samples / np.abs(samples).max()).squeeze().astype(np.float32)


@pytest.fixture(params=sorted(FORMATS))
def encoded(request, tmp_path):
    """A file of every format, four seconds of noise."""
    options = FORMATS[request.param]
    path = tmp_path / f"noise.{request.param}"
    soundfile.write(path, noise(4 * options["samplerate"]), **options)
    return path


@pytest.fixture
def wav(tmp_path):
    """Three seconds of noise, kept exactly."""
    path = tmp_path / "noise.wav"
    soundfile.write(path, noise(3 * RATE), RATE, subtype="FLOAT")
    return path


@pytest.fixture
def truncated_mp3(tmp_path):
    """Half of an mp3 whose header still promises ten seconds."""
    path = tmp_path / "cut.mp3"
    soundfile.write(path, noise(10 * RATE), RATE)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


@pytest.fixture
def two_seconds():
    """Fails what takes longer than two seconds, a hanging system call included."""

    def fail(*_):
        raise TimeoutError("hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, 2.0)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, before)


# Formats


def test_samples_are_those_of_soundfile(encoded):
    expected, rate = soundfile.read(encoded, dtype="float32")
    clip = read_clip(encoded)
    assert clip.sample_rate == rate
    np.testing.assert_array_equal(clip.samples, expected)


def test_samples_are_mono_float32(encoded):
    clip = read_clip(encoded)
    assert isinstance(clip, Clip)
    assert clip.samples.dtype == np.float32
    assert clip.samples.ndim == 1


def test_part_of_a_file_is_that_part_of_the_whole(encoded):
    expected, rate = soundfile.read(encoded, dtype="float32")
    part = read_clip(encoded, offset=1.25, duration=1.5)
    first = round(1.25 * rate)
    np.testing.assert_allclose(part.samples, expected[first : first + round(1.5 * rate)], atol=1e-4)


@pytest.mark.parametrize("suffix", FORMATS)
def test_format_that_is_read_is_listed_as_audio(suffix):
    assert f".{suffix}" in AUDIO_SUFFIXES


def test_part_of_an_mp3_does_not_depend_on_where_it_starts(tmp_path):
    # A frame of an mp3 borrows bits from those before it: a bare seek decodes it wrongly.
    path = tmp_path / "noise.mp3"
    soundfile.write(path, noise(10 * RATE), RATE)
    expected, _ = soundfile.read(path, dtype="float32")
    for first in range(RATE, 9 * RATE, 5003):
        part = read_clip(path, offset=first / RATE, duration=0.1).samples
        np.testing.assert_allclose(part, expected[first : first + len(part)], atol=1e-4)


def test_path_may_be_a_string(wav):
    expected, _ = soundfile.read(wav, dtype="float32")
    np.testing.assert_array_equal(read_clip(str(wav)).samples, expected)


def test_stereo_is_averaged(tmp_path):
    stereo = noise(RATE, n_channels=2)
    soundfile.write(tmp_path / "stereo.wav", stereo, RATE, subtype="FLOAT")
    samples = read_clip(tmp_path / "stereo.wav").samples
    np.testing.assert_allclose(samples, stereo.mean(axis=1), atol=1e-7)


def test_six_channels_are_averaged(tmp_path):
    surround = noise(RATE, n_channels=6)
    soundfile.write(tmp_path / "surround.wav", surround, RATE, subtype="FLOAT")
    samples = read_clip(tmp_path / "surround.wav").samples
    np.testing.assert_allclose(samples, surround.mean(axis=1), atol=1e-7)


# Resampling


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 96000])
def test_resampling_is_that_of_librosa(tmp_path, rate):
    path = tmp_path / "noise.wav"
    soundfile.write(path, noise(rate + 17, n_channels=2), rate, subtype="FLOAT")
    stereo, _ = soundfile.read(path, dtype="float32")
    expected = librosa.resample(
        librosa.to_mono(stereo.T), orig_sr=rate, target_sr=RATE, res_type="soxr_hq"
    )
    clip = read_clip(path, sample_rate=RATE)
    assert clip.sample_rate == RATE
    assert abs(len(clip.samples) - len(expected)) <= 1  # librosa rounds the length up
    length = min(len(clip.samples), len(expected))
    np.testing.assert_allclose(clip.samples[:length], expected[:length], atol=1e-6)


def test_resampling_is_that_of_soxr(tmp_path):
    samples = noise(44100)
    soundfile.write(tmp_path / "noise.wav", samples, 44100, subtype="FLOAT")
    expected = soxr.resample(samples, 44100, RATE, quality="HQ")
    clip = read_clip(tmp_path / "noise.wav", sample_rate=RATE)
    np.testing.assert_array_equal(clip.samples, expected)


def test_resampled_clip_is_never_empty(tmp_path):
    soundfile.write(tmp_path / "tick.wav", np.array([0.5]), 192000)
    with contextlib.suppress(AudioReadError):  # refused, or at least one sample
        assert len(read_clip(tmp_path / "tick.wav", sample_rate=RATE).samples) > 0


def test_own_rate_is_kept_by_default(tmp_path):
    soundfile.write(tmp_path / "low.wav", noise(800), 8000)
    assert read_clip(tmp_path / "low.wav").sample_rate == 8000


# Parts


def test_offset_alone_reads_to_the_end(wav):
    expected, _ = soundfile.read(wav, start=RATE, dtype="float32")
    np.testing.assert_array_equal(read_clip(wav, offset=1.0).samples, expected)


def test_duration_alone_reads_from_the_start(wav):
    expected, _ = soundfile.read(wav, frames=RATE, dtype="float32")
    np.testing.assert_array_equal(read_clip(wav, duration=1.0).samples, expected)


def test_file_that_ends_sooner_gives_a_shorter_clip(wav):
    assert read_clip(wav, offset=2.0, duration=5.0).duration == pytest.approx(1.0)


def test_offset_and_duration_are_seconds_before_resampling(wav):
    second, _ = soundfile.read(wav, start=RATE, frames=RATE, dtype="float32")
    expected = soxr.resample(second, RATE, 16000, quality="HQ")
    clip = read_clip(wav, sample_rate=16000, offset=1.0, duration=1.0)
    np.testing.assert_allclose(clip.samples, expected, atol=1e-6)


@pytest.mark.parametrize("offset", [3.0, 4.0, 1e9])
def test_offset_past_the_end_is_an_error(encoded, offset):
    with pytest.raises(AudioReadError, match=r"noise\.\w+ ends before .* earlier"):
        read_clip(encoded, offset=offset + 1.0)


def test_offset_past_the_end_of_a_truncated_mp3_is_an_error(truncated_mp3):
    with pytest.raises(AudioReadError, match=r"cut\.mp3 ends before 9 s"):
        read_clip(truncated_mp3, offset=9.0, duration=0.5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"offset": -1.0},
        {"offset": float("nan")},
        {"duration": 0.0},
        {"duration": -1.0},
        {"duration": float("nan")},
        {"sample_rate": 0},
        {"sample_rate": -8000},
        {"sample_rate": 22050.5},
    ],
    ids=str,
)
def test_invalid_argument_is_named(wav, arguments):
    with pytest.raises(ValueError, match=f"^{next(iter(arguments))} must be"):
        read_clip(wav, **arguments)


@pytest.mark.parametrize(
    "arguments", [{"offset": float("inf")}, {"duration": float("inf")}], ids=str
)
def test_infinite_argument_is_no_overflow(wav, arguments):
    with contextlib.suppress(AudioReadError, ValueError):  # refused, or read to the end
        read_clip(wav, **arguments)


# The middle


@pytest.mark.parametrize("duration", [0.5, 1.0, 2.999])
def test_middle_is_taken_of_a_long_file(encoded, duration):
    expected, rate = soundfile.read(encoded, dtype="float32")
    length = round(duration * rate)
    first = (len(expected) - length) // 2
    clip = read_middle(encoded, sample_rate=rate, duration=duration)
    np.testing.assert_allclose(clip.samples, expected[first : first + length], atol=1e-4)


def test_short_file_is_its_own_middle(wav):
    expected, _ = soundfile.read(wav, dtype="float32")
    clip = read_middle(wav, sample_rate=RATE, duration=30.0)
    np.testing.assert_array_equal(clip.samples, expected)


def test_middle_is_resampled(wav):
    samples, _ = soundfile.read(wav, start=RATE, frames=RATE, dtype="float32")
    expected = soxr.resample(samples, RATE, 16000, quality="HQ")
    clip = read_middle(wav, sample_rate=16000, duration=1.0)
    np.testing.assert_array_equal(clip.samples, expected)


@pytest.mark.parametrize("duration", [2.0, 4.5])
def test_middle_of_a_truncated_mp3_is_the_middle_of_what_is_there(truncated_mp3, duration):
    expected, _ = soundfile.read(truncated_mp3, dtype="float32")
    assert len(expected) < soundfile.info(truncated_mp3).frames
    length = round(duration * RATE)
    first = (len(expected) - length) // 2
    clip = read_middle(truncated_mp3, sample_rate=RATE, duration=duration)
    assert len(clip.samples) == length
    np.testing.assert_allclose(clip.samples, expected[first : first + length], atol=1e-4)


def test_truncated_mp3_shorter_than_the_duration_is_whole(truncated_mp3):
    expected, _ = soundfile.read(truncated_mp3, dtype="float32")
    clip = read_middle(truncated_mp3, sample_rate=RATE, duration=8.0)
    np.testing.assert_allclose(clip.samples, expected, atol=1e-4)


def test_middle_names_a_bad_file(tmp_path):
    (tmp_path / "bad.wav").write_text("not audio")
    with pytest.raises(AudioReadError, match=r"bad\.wav could not be opened"):
        read_middle(tmp_path / "bad.wav", sample_rate=RATE, duration=1.0)


# Bad files


def test_missing_file_is_named(tmp_path):
    with pytest.raises(AudioReadError, match=r"gone\.wav does not exist\. Check the path"):
        read_clip(tmp_path / "gone.wav")


def test_path_below_a_file_is_an_audio_read_error(wav):
    with pytest.raises(AudioReadError, match=r"below\.wav"):
        read_clip(wav / "below.wav")


def test_overlong_path_is_an_audio_read_error(tmp_path):
    with pytest.raises(AudioReadError, match="aaaa"):
        read_clip(tmp_path / ("a" * 300 + ".wav"))


def test_link_to_itself_is_an_audio_read_error(tmp_path):
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    with pytest.raises(AudioReadError, match=r"loop\.wav"):
        read_clip(tmp_path / "loop.wav")


def test_path_with_a_zero_byte_is_an_audio_read_error():
    with pytest.raises(AudioReadError, match="cannot be opened"):
        read_clip("a\0b.wav")


def test_folder_is_refused(tmp_path):
    with pytest.raises(AudioReadError, match=r"is a folder, not an audio file.*load_folder"):
        read_clip(tmp_path)


@pytest.mark.parametrize("suffix", ["wav", "mp3", "ogg", "flac"])
def test_empty_file_is_refused(tmp_path, suffix):
    path = tmp_path / f"empty.{suffix}"
    path.touch()
    with pytest.raises(AudioReadError, match=rf"empty\.{suffix} is empty .*Remove it"):
        read_clip(path)


def test_header_without_samples_is_refused(tmp_path):
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    with pytest.raises(
        AudioReadError, match=r"none\.wav has a valid header but no samples\. Remove"
    ):
        read_clip(tmp_path / "none.wav")


@pytest.mark.parametrize("suffix", ["wav", "mp3", "ogg", "flac", "raw", "txt"])
def test_text_is_refused(tmp_path, suffix):
    path = tmp_path / f"text.{suffix}"
    path.write_text("This is a letter, not a song.\n" * 30)
    with pytest.raises(AudioReadError, match=rf"text\.{suffix} could not be opened .*Remove it"):
        read_clip(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_sample_that_is_not_finite_is_refused(tmp_path, value):
    samples = noise(RATE)
    samples[100] = value
    soundfile.write(tmp_path / "odd.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(
        AudioReadError, match=r"odd\.wav holds NaN, infinity or absurd values in 1 of 22050 samples"
    ):
        read_clip(tmp_path / "odd.wav")


def test_sample_too_large_for_float32_is_refused(tmp_path):
    samples = noise(RATE).astype(np.float64)
    samples[100] = 1e300
    soundfile.write(tmp_path / "loud.wav", samples, RATE, subtype="DOUBLE")
    with pytest.raises(AudioReadError, match=r"loud\.wav holds NaN, infinity or absurd"):
        read_clip(tmp_path / "loud.wav")


@pytest.mark.parametrize("suffix", [".m4a", ".M4A", ".aac", ".wma"])
def test_foreign_format_points_to_ffmpeg(tmp_path, suffix):
    path = tmp_path / f"song{suffix}"
    path.write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0" + bytes(1000))
    with pytest.raises(AudioReadError, match=rf"ffmpeg -i {path} {tmp_path}/song\.flac"):
        read_clip(path)


def test_the_ffmpeg_command_runs_nothing_else_whatever_the_name(tmp_path):
    path = tmp_path / 'x"; touch owned #$(touch owned)`touch owned`.m4a'
    path.write_bytes(bytes(100))
    with pytest.raises(AudioReadError) as caught:
        read_clip(path)
    command = str(caught.value).partition("with: ")[2]
    assert shlex.split(command) == ["ffmpeg", "-i", str(path), str(path.with_suffix(".flac"))]


def test_a_name_is_shown_without_line_breaks_and_escapes():
    with pytest.raises(AudioReadError) as caught:
        read_clip("a\nb\x1b[31m.wav")
    assert str(caught.value).startswith(r"'a\nb\x1b[31m.wav' does not exist")


@pytest.mark.skipif(os.name != "posix", reason="other systems have no names that are no text")
def test_a_name_that_is_no_text_is_read(wav, tmp_path):
    path = os.fsencode(tmp_path) + b"/s\xe9.wav"
    os.rename(wav, path)
    assert len(read_clip(os.fsdecode(path)).samples) > 0


def test_the_home_folder_is_found(wav, monkeypatch):
    monkeypatch.setenv("HOME", str(wav.parent))
    assert len(read_clip(f"~/{wav.name}").samples) > 0


def test_wav_under_a_foreign_name_is_read(wav, tmp_path):
    expected, _ = soundfile.read(wav, dtype="float32")
    renamed = wav.rename(tmp_path / "song.m4a")
    np.testing.assert_array_equal(read_clip(renamed).samples, expected)


def test_truncated_flac_is_an_error(tmp_path):
    path = tmp_path / "cut.flac"
    soundfile.write(path, noise(10 * RATE), RATE)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(
        AudioReadError, match=r"cut\.flac could not be decoded: it breaks off .* Remove it"
    ):
        read_clip(path)


def test_flac_that_promises_a_month_of_sound_is_an_error(tmp_path):
    path = tmp_path / "long.flac"
    soundfile.write(path, noise(RATE), RATE)
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F  # the last 36 of these bits are the number of samples
    content[22:26] = b"\xff" * 4
    path.write_bytes(content)
    with pytest.raises(AudioReadError, match=r"long\.flac could not be decoded"):
        read_clip(path)


@pytest.mark.parametrize("suffix", ["wav", "ogg", "mp3"])
def test_other_truncated_files_are_read_as_far_as_they_go(tmp_path, suffix):
    path = tmp_path / f"cut.{suffix}"
    soundfile.write(path, noise(10 * RATE), RATE)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    expected, _ = soundfile.read(path, dtype="float32")
    clip = read_clip(path)
    assert 3.0 < clip.duration < 7.0
    np.testing.assert_array_equal(clip.samples, expected)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipe_does_not_hang(tmp_path, two_seconds):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioReadError, match=r"pipe\.wav is not a regular file"):
        read_clip(tmp_path / "pipe.wav")


def test_error_is_the_library_s_and_the_builtin_one(tmp_path):
    with pytest.raises(AudioReadError) as caught:
        read_clip(tmp_path / "gone.wav")
    assert isinstance(caught.value, GenreclassError)
    assert isinstance(caught.value, OSError)


def test_message_is_one_line(tmp_path):
    (tmp_path / "bad.wav").write_text("not audio")
    with pytest.raises(AudioReadError) as caught:
        read_clip(tmp_path / "bad.wav")
    assert "\n" not in str(caught.value)


@pytest.fixture
def opened(monkeypatch):
    """Every file that soundfile opens."""
    files = []
    original = soundfile.SoundFile

    def record(*args, **kwargs):
        files.append(original(*args, **kwargs))
        return files[-1]

    monkeypatch.setattr(soundfile, "SoundFile", record)
    return files


def test_file_is_closed_after_reading(wav, opened):
    read_clip(wav)
    read_middle(wav, sample_rate=RATE, duration=1.0)
    assert [file.closed for file in opened] == [True, True]


def test_file_is_closed_after_an_error(wav, opened):
    with pytest.raises(AudioReadError):
        read_clip(wav, offset=10.0)
    assert [file.closed for file in opened] == [True]


# Odd files as they come in the wild

REFUSED = {
    "jazz.00054.wav": r"could not be opened as audio: format not recognised\. Remove it",
    "empty.mp3": r"is empty \(0 bytes\)\. Remove it",
    "zero_frames.wav": r"has a valid header but no samples\. Remove it",
    "text_renamed.wav": r"could not be opened as audio: format not recognised\. Remove it",
    "random_bytes.flac": r"could not be opened as audio: format not recognised\. Remove it",
    "nan_inf_f32.wav": r"holds NaN, infinity or absurd values in \d+ of 22050 samples\. Export",
    "truncated.flac": r"could not be decoded: it breaks off or is damaged .*Remove it",
}
READ = {  # name: (rate in hertz, least and most samples)
    "truncated.ogg": (22050, 1, 220499),
    "truncated.mp3": (22050, 1, 220499),
    "truncated.wav": (22050, 1, 220499),
    "silence_44k_stereo.wav": (44100, 132300, 132300),
    "clipped_dc.wav": (22050, 22050, 22050),
    "twenty_ms_8k.wav": (8000, 160, 160),
    "hires_192k.wav": (192000, 192000, 192000),
    "surround_48k.flac": (48000, 48000, 48000),
    "naïve — ünïcode, spaces & 100%.ogg": (22050, 220500, 220500),
}


@pytest.mark.parametrize("name", REFUSED)
def test_odd_file_is_refused_with_its_name_and_advice(shared, name):
    path = shared / "data" / "robustness" / name
    with pytest.raises(AudioReadError, match=REFUSED[name]) as caught:
        read_clip(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", READ)
def test_odd_file_is_read(shared, name):
    path = shared / "data" / "robustness" / name
    rate, least, most = READ[name]
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    clip = read_clip(path)
    assert clip.sample_rate == rate
    assert least <= len(clip.samples) <= most
    assert np.isfinite(clip.samples).all()
    np.testing.assert_allclose(clip.samples, expected.mean(axis=1), atol=1e-7)


def test_every_odd_file_has_its_test(shared):
    names = {path.name for path in (shared / "data" / "robustness").iterdir()}
    assert names - {"README.md"} == {*REFUSED, *READ}
