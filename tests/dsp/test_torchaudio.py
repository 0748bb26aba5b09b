"""The door to torchaudio."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from genreclass.dsp import import_torchaudio, mel_filter_bank


def run(code):
    """Run code in a Python of its own: what one import leaves behind must not help the next."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )


def test_import_works_where_the_plain_import_fails():
    if run("import torchaudio").returncode == 0:
        pytest.skip("a plain `import torchaudio` works here")
    code = (
        "from genreclass.dsp import import_torchaudio\n"
        "torchaudio = import_torchaudio()\n"
        "import torchaudio as again, torch\n"
        "assert again is torchaudio is import_torchaudio()\n"
        "torchaudio.transforms.TimeMasking(5)(torch.ones(1, 4, 10))\n"
        "torchaudio.functional.resample(torch.ones(1, 100), 44100, 22050)\n"
        "torchaudio.functional.lfilter(torch.ones(1, 9), torch.ones(2), torch.ones(2))\n"
    )
    finished = run(code)
    assert finished.returncode == 0, finished.stderr


def test_what_needs_the_extension_says_so():
    torchaudio = import_torchaudio()
    if torchaudio._extension._IS_TORCHAUDIO_EXT_AVAILABLE:
        pytest.skip("torchaudio's compiled extension works here")
    with pytest.raises(RuntimeError, match=r"torchaudio\.forced_align needs .* Install"):
        torchaudio.functional.forced_align(
            torch.zeros(1, 3, 2), torch.ones(1, 1, dtype=torch.int32)
        )


@pytest.mark.parametrize(("sample_rate", "n_fft", "n_mels"), [(22050, 2048, 128), (16000, 512, 40)])
def test_mel_filters_are_those_of_torchaudio(sample_rate, n_fft, n_mels):
    expected = (
        import_torchaudio()
        .functional.melscale_fbanks(
            n_fft // 2 + 1,
            0.0,
            sample_rate / 2,
            n_mels,
            sample_rate,
            norm="slaney",
            mel_scale="slaney",
        )
        .T.numpy()
    )
    bank = mel_filter_bank(
        sample_rate, n_fft=n_fft, n_mels=n_mels, f_min=0.0, f_max=sample_rate / 2
    )
    np.testing.assert_allclose(bank.numpy(), expected, atol=1e-3 * expected.max())
