"""Equal values have equal names, different ones different names."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

from genreclass import MelCNNClassifier, MelSpectrogram
from genreclass.fingerprint import digest, digest_of_file, fingerprint

EQUAL = [
    [(64, 128), [64, 128], np.array([64, 128])],
    [range(4, 6), [4, 5]],
    [30.0, 30, np.float32(30), np.int64(30), np.longdouble(30)],
    [{"a": 1, "b": 2}, {"b": 2, "a": 1.0}],
    [np.random.RandomState(3), np.random.RandomState(3)],
    [MelSpectrogram(), MelSpectrogram(device="cpu", n_jobs=4, verbose=1)],
    [MelCNNClassifier(mel=MelSpectrogram()), MelCNNClassifier(mel=MelSpectrogram(n_jobs=2))],
    [np.arange(500.0), np.arange(500.0).astype(">f8"), np.arange(1000.0).repeat(1)[:500]],
    [["low", "high"], np.array(["low", "high"]), np.array(["low", "high"], dtype=object)],
]
DIFFERENT = [
    None,
    True,
    1,
    "1",
    0.1,
    np.nextafter(0.1, 1),
    float("nan"),
    float("inf"),
    [1],
    [[1]],
    {1: 1},
    {"1": 1},
    np.random.RandomState(3),
    np.random.RandomState(4),
    MelSpectrogram(),
    MelSpectrogram(n_mels=64),
    MelCNNClassifier(),
    MelCNNClassifier(random_state=0),
    np.zeros(500),
    np.zeros(501),
    np.zeros((2, 250)),
    np.zeros(500, dtype=np.float32),
]


@pytest.mark.parametrize("values", EQUAL)
def test_equal_values_have_equal_names(values):
    assert len({fingerprint(value) for value in values}) == 1


def test_different_values_have_different_names():
    for one, other in itertools.combinations(DIFFERENT, 2):
        assert fingerprint(one) != fingerprint(other), (one, other)


def test_a_name_is_the_same_in_another_process():
    code = (
        "from genreclass.fingerprint import fingerprint\n"
        "print(fingerprint({'a': 'jazz', 'b': (1, 2.5)}))"
    )
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == fingerprint({"b": [1, 2.5], "a": "jazz"})


def test_a_file_is_named_as_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"sound")
    assert digest_of_file(tmp_path / "a") == digest(b"sound")
    assert digest(b"sound") != digest(b"sounds")


def test_what_has_no_name_is_refused():
    with pytest.raises(TypeError, match="a object has no fingerprint"):
        fingerprint({"a": [object()]})
