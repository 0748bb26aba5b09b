"""genreclass download."""

import io
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from genreclass.cli import _download
from genreclass.weights import OPENJMLA, converted_path, read_weights

EXPECTED = {"token": (1, 1, 8), "layers.0.proj.weight": (4000, 8)}


@pytest.fixture
def published(hub, monkeypatch):
    """A small file in the place of OpenJMLA's."""
    monkeypatch.setattr(_download, "_find_shapes", lambda: EXPECTED)
    buffer = io.BytesIO()
    torch.save({name: torch.ones(shape) for name, shape in EXPECTED.items()}, buffer)
    hub.publish(buffer.getvalue())
    return hub


def test_size_licence_and_place_are_said_before_and_the_path_after(run, published):
    result = run("download", "openjmla")
    path = converted_path(OPENJMLA)
    assert result.exit_code == 0
    assert result.stdout == f"{path}\n"
    for words in ("epoch_20.pth of UniMus/OpenJMLA", "346 MB", "Licence: ", "never passes it on"):
        assert words in result.stderr
    assert str(path.parent) in result.stderr
    assert result.stderr.count("\n") == 1
    asked = f"/UniMus/OpenJMLA/resolve/{OPENJMLA.revision}/epoch_20.pth"
    assert {path for _, path, _ in published.requests} == {asked}


def test_what_was_downloaded_is_what_estimators_read(run, published):
    run("download", "UniMus/OpenJMLA")
    published.requests.clear()
    found = read_weights("UniMus/OpenJMLA", published=OPENJMLA, expected=EXPECTED)
    assert {name: tuple(tensor.shape) for name, tensor in found.items()} == EXPECTED
    assert published.requests == []


def test_what_is_there_is_not_downloaded_again(run, published):
    run("download", "openjmla")
    published.requests.clear()
    result = run("download", "openjmla")
    assert result.exit_code == 0
    assert result.stdout == f"{converted_path(OPENJMLA)}\n"
    assert result.stderr == "UniMus/OpenJMLA is there already.\n"
    assert published.requests == []


def test_an_unknown_name_is_answered_with_the_known(run, hub):
    result = run("download", "openjlma")
    assert result.exit_code == 2
    assert result.stderr == (
        "genreclass: NAME: there are no weights called 'openjlma'. Give openjmla.\n"
    )
    assert hub.requests == []


def test_without_a_network_one_line_says_what_to_do(run, hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = run("download", "openjmla")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "could not be downloaded" in result.stderr.splitlines()[-1]
    assert "weights=..." in result.stderr.splitlines()[-1]


def test_another_file_in_its_place_is_refused(run, hub):
    hub.publish(b"no weights")  # and all 150 names are expected
    result = run("download", "openjmla")
    assert result.exit_code == 1
    assert "is no file of weights" in result.stderr


def test_the_shapes_are_those_of_the_encoder():
    shapes = _download._find_shapes()
    assert len(shapes) == 150
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == 86_366_208


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_exits_130_and_the_next_call_goes_on(run, published, tmp_path):
    published.stall_after = 64 * 1024
    script = (
        "from huggingface_hub import constants\n"
        "constants.DOWNLOAD_CHUNK_SIZE = 1024\n"
        "from genreclass.cli import app\n"
        "app(['download', 'openjmla'])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    partial = converted_path(OPENJMLA).with_suffix(".incomplete")
    until = time.monotonic() + 60
    while not (partial.exists() and partial.stat().st_size) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[1:] == ["Interrupted."]
    begin = partial.stat().st_size
    assert begin > 0
    published.stall_after = None
    assert run("download", "openjmla").exit_code == 0
    assert published.ranges() == [None, f"bytes={begin}-"]  # and nothing else was asked for
    assert not partial.exists()
