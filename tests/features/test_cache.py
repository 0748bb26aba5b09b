"""What was computed of a clip is not computed again, and never taken for another's."""

import gc
import logging
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genreclass import HandcraftedFeatures, MelSpectrogram
from genreclass import fingerprint as fingerprint_module
from genreclass.audio import Clip
from genreclass.audio._check import _File, _Samples
from genreclass.exceptions import AudioReadError
from genreclass.features import _cache
from genreclass.features._cache import FeatureCache, find_cache, find_held
from genreclass.fingerprint import fingerprint_source

SAMPLE_RATE = 22050


@pytest.fixture
def cache(tmp_path, monkeypatch) -> FeatureCache:
    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "1")
    return find_cache()


@pytest.fixture
def loads(monkeypatch) -> list:
    """Grows by one whenever the sound of a clip is asked for."""
    loaded = []
    for source in (_File, _Samples):
        load = source.load
        monkeypatch.setattr(
            source,
            "load",
            lambda self, *a, _load=load, **k: loaded.append(self) or _load(self, *a, **k),
        )
    return loaded


@pytest.fixture
def paths(tones, tmp_path) -> list[Path]:
    paths = []
    for index, clip in enumerate(tones[0][:4]):
        paths.append(tmp_path / f"{index}.wav")
        soundfile.write(paths[-1], clip, SAMPLE_RATE, subtype="FLOAT")
    return paths


TRANSFORMERS = [MelSpectrogram(duration=0.5), HandcraftedFeatures(families=["mfcc", "zcr"])]


@pytest.mark.parametrize("transformer", TRANSFORMERS)
def test_a_second_transform_computes_nothing(as_input, tones, cache, loads, transformer):
    X = as_input(tones[0])
    first = transformer.transform(X)
    assert len(loads) == len(X)
    np.testing.assert_array_equal(transformer.transform(X), first)
    assert len(loads) == len(X)


@pytest.mark.parametrize("transformer", TRANSFORMERS)
def test_what_is_kept_is_what_would_be_computed(paths, cache, monkeypatch, transformer):
    transformer.transform(paths)
    kept = transformer.transform(paths)
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "0")
    np.testing.assert_array_equal(kept, transformer.transform(paths))


def test_a_changed_file_is_computed_again(paths, cache):
    mel = MelSpectrogram(duration=0.5)
    before = mel.transform(paths)
    status = paths[0].stat()
    samples, _ = soundfile.read(paths[0], dtype="float32")
    soundfile.write(paths[0], samples[::-1] * 0.5, SAMPLE_RATE, subtype="FLOAT")
    os.utime(paths[0], ns=(status.st_atime_ns, status.st_mtime_ns))  # looks unchanged
    assert paths[0].stat().st_size == status.st_size
    after = mel.transform(paths)
    assert not np.array_equal(after[0], before[0])
    np.testing.assert_array_equal(after[1:], before[1:])


def test_a_copy_under_another_name_is_known(paths, cache, loads, tmp_path):
    mel = MelSpectrogram(duration=0.5)
    expected = mel.transform(paths[:1])
    shutil.copy(paths[0], tmp_path / "copy.wav")
    np.testing.assert_array_equal(mel.transform([tmp_path / "copy.wav"]), expected)
    assert len(loads) == 1


def test_samples_of_another_rate_are_another_clip(tones, cache):
    mel = MelSpectrogram(duration=0.5)
    samples = tones[0][0]
    here = mel.transform([samples])
    there = mel.transform([Clip(samples, 2 * SAMPLE_RATE)])
    assert not np.array_equal(here, there)


@pytest.mark.parametrize(
    "change", [{"n_mels": 64}, {"top_db": 40.0}, {"duration": 0.4}, {"f_max": 8000.0}]
)
def test_other_parameters_are_computed_anew(paths, cache, loads, change):
    mel = MelSpectrogram(duration=0.5)
    mel.transform(paths)
    mel.set_params(**change).transform(paths)
    assert len(loads) == 2 * len(paths)


def test_where_and_how_it_is_computed_does_not_matter(paths, cache, loads):
    MelSpectrogram(duration=0.5).transform(paths)
    MelSpectrogram(duration=0.5, n_jobs=2, device="cpu").transform(paths)
    assert len(loads) == len(paths)


def test_a_grid_search_computes_features_once(tones, cache, loads):
    clips, labels = tones
    classifier = LogisticRegression(max_iter=1000)
    pipeline = make_pipeline(HandcraftedFeatures(families="mfcc"), StandardScaler(), classifier)
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0, 10.0]}, cv=3)
    search.fit(clips, labels)
    assert len(loads) == len(clips)
    assert search.best_score_ == 1.0


@pytest.mark.parametrize("damage", ["truncated", "a bit flipped", "empty", "not an array"])
def test_a_damaged_entry_is_computed_again(paths, cache, damage):
    mel = MelSpectrogram(duration=0.5)
    expected = mel.transform(paths)
    for _, _, entry in cache.entries():
        content = bytearray(entry.read_bytes())
        if damage == "truncated":
            content = content[: len(content) // 2]
        elif damage == "a bit flipped":
            content[-1000] ^= 1
        else:
            content = b"" if damage == "empty" else b"something else that is long enough"
        entry.write_bytes(content)
    np.testing.assert_array_equal(mel.transform(paths), expected)
    np.testing.assert_array_equal(mel.transform(paths), expected)


def test_the_first_unreadable_file_is_named_with_its_place(paths, cache):
    mel = MelSpectrogram(duration=0.5)
    mel.transform(paths)
    paths[2].write_bytes(b"no sound")
    with pytest.raises(AudioReadError, match=r"^Clip 2: .*2\.wav could not be opened"):
        mel.transform(paths)
    paths[2].unlink()
    with pytest.raises(AudioReadError, match=r"^Clip 2: .*2\.wav does not exist"):
        mel.transform(paths)


def test_what_was_computed_before_a_failure_is_kept(paths, cache, loads):
    (paths[0].parent / "broken.wav").write_bytes(b"no sound")
    mel = MelSpectrogram(duration=0.5)
    with pytest.raises(AudioReadError, match="Clip 8"):  # eight are read at a time
        mel.transform([*paths, *paths, paths[0].parent / "broken.wav"])
    loads.clear()
    mel.transform(paths)
    assert loads == []


def test_no_cache_writes_nothing(paths, tmp_path, monkeypatch):
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "0")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert find_cache() is None
    MelSpectrogram(duration=0.5).transform(paths)
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "xdg").exists()


def test_the_folder_is_the_user_s_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("GENRECLASS_CACHE_GB")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert find_cache().folder == tmp_path / "genreclass" / "features"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_cache().folder == tmp_path / ".cache" / "genreclass" / "features"


@pytest.mark.parametrize("limit", ["much", "-1", "nan", "inf"])
def test_an_odd_limit_is_named(paths, cache, monkeypatch, limit):
    monkeypatch.setenv("GENRECLASS_CACHE_GB", limit)
    with pytest.raises(ValueError, match=f"GENRECLASS_CACHE_GB .* got '{limit}'"):
        MelSpectrogram(duration=0.5).transform(paths)


def test_a_folder_that_cannot_be_written_is_named_once(paths, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "1")
    mel = MelSpectrogram(duration=0.5)
    with caplog.at_level(logging.WARNING):
        first = mel.transform(paths)
        second = mel.transform(paths)
    np.testing.assert_array_equal(first, second)
    (record,) = caplog.records
    assert "cannot be kept" in record.getMessage()
    assert "GENRECLASS_HOME" in record.getMessage()


def test_a_set_larger_than_half_the_limit_is_not_kept(paths, cache, monkeypatch):
    picture = MelSpectrogram(duration=0.5).transform(paths[:1]).nbytes
    kept_before = len(cache.entries())
    monkeypatch.setenv("GENRECLASS_CACHE_GB", repr(2 * 3.9 * picture / 1e9))
    MelSpectrogram(duration=0.5, top_db=70.0).transform(paths)
    assert len(cache.entries()) == kept_before
    MelSpectrogram(duration=0.5, top_db=70.0).transform(paths[:3])
    assert len(cache.entries()) == kept_before + 3


def _put(cache, name, *, age_s):
    key = name * 32
    cache.put(key, np.zeros(250, dtype=np.float32))
    used = time.time() - age_s
    os.utime(cache.path(key), (used, used))
    return key


def test_the_least_recently_used_entries_make_room(tmp_path):
    cache = FeatureCache(tmp_path, limit=5000)
    old, older, used = (_put(cache, name, age_s=10_000 + i) for i, name in enumerate("abc"))
    assert cache.get(used, (250,)) is not None
    new = _put(cache, "d", age_s=0)
    cache.trim()
    assert all(key in cache for key in (old, older, used, new))
    newest = [_put(cache, name, age_s=0) for name in "ef"]
    cache.trim()
    assert older not in cache
    assert old not in cache
    assert all(key in cache for key in (used, new, *newest))


def test_what_was_used_in_the_last_hour_stays(tmp_path):
    cache = FeatureCache(tmp_path, limit=100)
    key = _put(cache, "a", age_s=1800)
    cache.trim()
    assert key in cache


def test_writing_trims_by_itself(tmp_path):
    cache = FeatureCache(tmp_path, limit=20_000)
    for index in range(200):
        cache.put(f"{index:032}", np.zeros(250, dtype=np.float32))
        used = time.time() - 10_000 + index
        os.utime(cache.path(f"{index:032}"), (used, used))
    assert sum(size for _, size, _ in cache.entries()) < 22_000
    assert f"{199:032}" in cache


def test_an_entry_dated_into_the_future_is_old(tmp_path):
    cache = FeatureCache(tmp_path, limit=1500)
    future, new = _put(cache, "a", age_s=-10_000), _put(cache, "b", age_s=0)
    cache.trim()
    assert future not in cache
    assert new in cache


def test_files_of_others_are_left_alone(tmp_path):
    cache = FeatureCache(tmp_path, limit=100)
    _put(cache, "f", age_s=10_000)
    others = [tmp_path / "ff" / "mine.npy", tmp_path / "ff" / ".notes.tmp", tmp_path / "aa.npy"]
    for other in others:
        other.write_text("mine")
        os.utime(other, (0, 0))
    cache.trim()
    assert all(other.exists() for other in others)
    assert cache.entries() == []


def test_a_folder_removed_while_it_is_written_is_made_again(tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path / "cache", limit=10**6)
    cache.put("a" * 32, np.zeros(4, dtype=np.float32))
    mkdir = Path.mkdir

    def removed_at_once(self, *args, **kwargs):
        mkdir(self, *args, **kwargs)
        if not removals:
            removals.append(shutil.rmtree(tmp_path / "cache"))

    removals = []
    monkeypatch.setattr(Path, "mkdir", removed_at_once)
    cache.put("b" * 32, np.zeros(4, dtype=np.float32))
    assert len(removals) == 1
    assert "b" * 32 in cache


@pytest.mark.parametrize("array", [np.float32(1.0), np.zeros((2, 2), np.float32), np.zeros(250)])
def test_an_entry_of_another_shape_or_type_is_none(tmp_path, array):
    cache = FeatureCache(tmp_path, limit=10**6)
    cache.put("a" * 32, np.asarray(array))
    assert cache.get("a" * 32, (250,)) is None
    assert "a" * 32 not in cache


def test_a_file_written_to_while_it_is_read_is_not_kept(paths, cache, monkeypatch):
    mel = MelSpectrogram(duration=0.5)
    expected = mel.transform(paths[:1])
    shutil.rmtree(cache.folder)
    load = _File.load

    def swapped(self, *args, **kwargs):
        before = self.path.read_bytes()
        shutil.copy(paths[1], self.path)
        samples = load(self, *args, **kwargs)
        if len(returned) == 0:  # the first time, what was there comes back too late
            returned.append(before)
        else:
            self.path.write_bytes(before)
        return samples

    returned = []
    monkeypatch.setattr(_File, "load", swapped)
    mel.transform(paths[:1])
    paths[0].write_bytes(returned[0])
    monkeypatch.setattr(_File, "load", load)
    np.testing.assert_array_equal(mel.transform(paths[:1]), expected)


def test_a_subclass_of_the_same_name_is_another_transformer(paths, cache):
    own = MelSpectrogram(duration=0.5).transform(paths)

    class MelSpectrogramOfMine(MelSpectrogram):
        def _decibels(self, *args):
            return super()._decibels(*args) + 1

    MelSpectrogramOfMine.__qualname__ = MelSpectrogramOfMine.__name__ = "MelSpectrogram"
    changed = MelSpectrogramOfMine(duration=0.5).transform(paths)
    np.testing.assert_allclose(changed, own + 1, rtol=1e-6)


def test_the_unfinished_files_of_a_killed_process_are_removed_in_time(tmp_path):
    cache = FeatureCache(tmp_path, limit=10**6)
    cache.put("a" * 32, np.zeros(4, dtype=np.float32))
    young, old = (tmp_path / "aa" / f".{name * 16}.tmp" for name in "12")
    for leftover in (young, old):
        leftover.write_bytes(b"torn")
    os.utime(old, (0, 0))
    cache.trim()
    assert young.exists()
    assert not old.exists()


def test_the_code_that_computes_is_part_of_the_key(paths, cache, loads, monkeypatch):
    mel = MelSpectrogram(duration=0.5)
    mel.transform(paths)
    monkeypatch.setattr(
        "genreclass.features._clip_transformer.code_fingerprint", lambda: "another version"
    )
    mel.transform(paths)
    assert len(loads) == 2 * len(paths)


def test_every_source_file_counts_for_the_code(tmp_path, monkeypatch):
    package = Path(_cache.__file__).parents[1]
    copy = tmp_path / "genreclass"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__", "demo"))
    monkeypatch.setattr(fingerprint_module, "__file__", str(copy / "fingerprint.py"))
    parts = ("audio", "dsp", "features")
    names = {fingerprint_source(parts)}
    assert names == {_cache._SOURCE}
    for part in ("audio/_read.py", "dsp/_cache.py", "dsp/mel.py", "features/_cache.py"):
        with (copy / part).open("a") as file:
            file.write("# changed\n")
        names.add(fingerprint_source(parts))
    assert len(names) == 5


def test_spectrograms_on_disk_are_those_of_the_transform(as_input, tones, cache):
    X = as_input(tones[0])
    mel = MelSpectrogram(duration=0.5)
    on_disk = mel.transform_to_disk(X)
    expected = mel.transform(X)
    assert on_disk.shape == expected.shape
    assert len(on_disk) == len(X)
    for place, spectrum in enumerate(expected):
        np.testing.assert_array_equal(on_disk[place].numpy(), spectrum)
    on_disk[0][:] = 1.0
    np.testing.assert_array_equal(on_disk[0].numpy(), expected[0])


def test_spectrograms_removed_from_disk_are_computed_again(paths, cache, loads):
    mel = MelSpectrogram(duration=0.5)
    on_disk = mel.transform_to_disk(paths)
    expected = mel.transform(paths)
    loads.clear()
    shutil.rmtree(cache.folder.parent)
    np.testing.assert_array_equal(on_disk[1].numpy(), expected[1])
    np.testing.assert_array_equal(on_disk[1].numpy(), expected[1])
    assert len(loads) == 1


def test_spectrograms_on_disk_are_held_beyond_the_limit_of_the_cache(paths, cache, monkeypatch):
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "0.00001")
    mel = MelSpectrogram(duration=0.5)
    on_disk = mel.transform_to_disk(paths)
    for held in cache.folder.parent.glob("held/*/*.npy"):
        os.utime(held, (time.time() - 7200,) * 2)  # two hours later
    mel.set_params(top_db=70.0).transform_to_disk(paths)
    assert len(list(cache.folder.parent.glob("held/*/*.npy"))) == 2 * len(paths)
    assert on_disk[0].shape == mel._row_shape


def test_spectrograms_on_disk_are_removed_a_day_after(paths, cache):
    mel = MelSpectrogram(duration=0.5)
    mel.transform_to_disk(paths)
    for held in cache.folder.parent.glob("held/*/*.npy"):
        os.utime(held, (time.time() - 90_000,) * 2)
    find_held().trim()
    assert list(cache.folder.parent.glob("held/*/*.npy")) == []


def test_a_file_changed_after_its_spectrogram_was_lost_is_named(paths, cache):
    on_disk = MelSpectrogram(duration=0.5).transform_to_disk(paths)
    shutil.rmtree(cache.folder.parent)
    shutil.copy(paths[1], paths[2])
    with pytest.raises(AudioReadError, match="Clip 2 is not what it was"):
        on_disk[2]


def test_spectrograms_that_cannot_be_kept_again_are_computed(paths, cache, caplog):
    mel = MelSpectrogram(duration=0.5)
    on_disk = mel.transform_to_disk(paths)
    shutil.rmtree(cache.folder.parent)
    cache.folder.parent.write_text("no folder")
    for _ in range(2):
        np.testing.assert_array_equal(on_disk[1].numpy(), mel.transform(paths)[1])


def test_spectrograms_without_a_cache_lie_in_a_temporary_folder(paths, tmp_path, monkeypatch):
    monkeypatch.setenv("GENRECLASS_CACHE_GB", "0")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())
    on_disk = MelSpectrogram(duration=0.5).transform_to_disk(paths)
    (folder,) = set(tmp_path.iterdir()) - before
    assert len(list(folder.glob("*/*.npy"))) == len(paths)
    del on_disk
    gc.collect()
    assert not folder.exists()
