"""Pretrained weights are downloaded once, verified, and read without running code from them."""

import dataclasses
import io
import logging
import os
import pickle
import socket
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from huggingface_hub import hf_hub_download
from safetensors import safe_open
from safetensors.torch import save as to_safetensors

from genreclass.exceptions import GenreclassError, WeightsError, WeightsNotFoundError
from genreclass.weights import OPENJMLA, PublishedWeights, converted_path, read_weights
from genreclass.weights import _read_file as module

PUBLISHED = PublishedWeights(
    name="someone/network",
    short_name="network",
    filename="last.pth",
    revision="0123456789abcdef0123456789abcdef01234567",
    n_bytes=80_000,
    licence="cc",
)
EXPECTED = {"token": (1, 1, 8), "layers.0.ln1.weight": (8,), "layers.0.proj.weight": (2400, 8)}


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in EXPECTED.items()}


@pytest.fixture
def local(tmp_path, tensors):
    """Writes a file, and reads the weights in it."""

    def read(content=tensors, name="some.pth"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else to_pth(content))
        return read_weights(path, published=PUBLISHED, expected=EXPECTED)

    return read


def to_pth(content, **options) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def read_published(expected=EXPECTED):
    return read_weights(PUBLISHED.name, published=PUBLISHED, expected=expected)


def assert_same(found, expected) -> None:
    assert list(found) == list(EXPECTED)
    for name, tensor in expected.items():
        assert found[name].dtype == torch.float32
        assert found[name].device.type == "cpu"
        assert torch.equal(found[name], tensor.float())


def files_kept() -> list[str]:
    folder = converted_path(PUBLISHED).parent
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


# --- the hub ---------------------------------------------------------------------------------


def test_a_download_leaves_one_file_that_says_where_it_is_from(hub, tensors):
    hub.publish(to_pth({"state_dict": tensors, "author": "somebody"}))
    assert_same(read_published(), tensors)
    path = converted_path(PUBLISHED)
    assert files_kept() == [path.name]
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {
            "source": "someone/network/last.pth",
            "revision": PUBLISHED.revision,
            "sha256": hub.sha256,
            "licence": "cc",
        }
    other = path.with_name("other")
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode  # others may read it where they may read
    asked = f"/someone/network/resolve/{PUBLISHED.revision}/last.pth"
    assert [(method, path) for method, path, _ in hub.requests] == [("HEAD", asked), ("GET", asked)]


def test_the_second_use_asks_nobody(hub, tensors):
    hub.publish(to_pth(tensors))
    read_published()
    hub.requests.clear()
    assert_same(read_published(), tensors)
    assert hub.requests == []


def test_what_is_there_is_read_from_a_folder_that_is_not_ours_to_write(hub, tensors):
    hub.publish(to_pth(tensors))
    read_published()
    folder = converted_path(PUBLISHED).parent
    for lock in folder.glob("*.lock"):
        lock.unlink(missing_ok=True)
    read_published()
    assert [path.name for path in folder.iterdir()] == files_kept()  # no lock was needed


def test_nothing_is_shown_and_size_and_licence_are_logged(hub, tensors, caplog, capfd):
    hub.publish(to_pth(tensors))
    with caplog.at_level(logging.INFO, "genreclass"):
        read_published()
    assert capfd.readouterr() == ("", "")
    (record,) = caplog.records
    assert "someone/network (0 MB, licence: cc)" in record.getMessage()


def test_the_hub_is_not_told_what_is_installed(hub, tensors):
    hub.publish(to_pth(tensors))
    read_published()
    assert not any("torch" in headers["user-agent"] for _, _, headers in hub.requests)


@pytest.fixture
def impatient(monkeypatch):
    """The client does not wait before it asks again."""
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)


def test_a_broken_download_is_gone_on_with_by_the_next_call(hub, tensors, impatient):
    hub.publish(to_pth(tensors))
    hub.break_after, hub.then = 20_000, 503
    with pytest.raises(WeightsNotFoundError, match="could not be downloaded"):
        read_published()
    hub.then = 200
    assert_same(read_published(), tensors)
    assert hub.ranges()[0] is None
    begin = int(hub.ranges()[-1][len("bytes=") : -1])
    assert 20_000 - 1024 <= begin <= 20_000  # the client loses less than a chunk of its own
    assert hub.sent == len(hub.content) + 20_000 - begin
    assert files_kept() == [converted_path(PUBLISHED).name]


def test_a_broken_download_is_gone_on_with_where_the_hub_is_back(hub, tensors, impatient, caplog):
    hub.publish(to_pth(tensors))
    hub.break_after = 20_000
    try:
        found = read_published()
    except WeightsNotFoundError:  # huggingface_hub 0.34 leaves this to who calls it
        found = read_published()
    assert_same(found, tensors)
    assert len(hub.ranges()) == 2
    assert hub.sent < len(hub.content) + 1024
    assert caplog.text == ""


def test_an_interrupted_download_is_gone_on_with(hub, tensors, monkeypatch):
    hub.publish(to_pth(tensors))
    monkeypatch.setattr("rich.progress.Progress.advance", _InterruptAt(30))
    with pytest.raises(KeyboardInterrupt):
        read_published()
    assert_same(read_published(), tensors)
    assert hub.ranges() == [None, f"bytes={29 * 1024}-"]


class _InterruptAt:
    """Called for the n-th time it is Ctrl+C."""

    def __init__(self, n: int) -> None:
        self.left = n

    def __call__(self, *args) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_what_had_come_is_not_asked_for_again_when_the_disk_was_full(hub, tensors, monkeypatch):
    def save(*args, **options):
        raise OSError(28, "No space left on device")

    hub.publish(to_pth(tensors))
    with monkeypatch.context() as patch:
        patch.setattr("safetensors.numpy.save", save)
        with pytest.raises(OSError, match=r"home.weights \(No space left on device\)\. Make room"):
            read_published()
    assert_same(read_published(), tensors)
    assert hub.sent == len(hub.content)


def test_a_download_of_another_checksum_is_refused_and_removed(hub, tensors):
    hub.publish(to_pth(tensors))
    right, hub.sha256 = hub.sha256, "0" * 64
    with pytest.raises(WeightsError, match=r"SHA-256 is .{12}\.\.\., expected 000000000000\.\.\."):
        read_published()
    assert files_kept() == []
    hub.sha256 = right
    assert_same(read_published(), tensors)
    assert hub.ranges() == [None, None]


def test_a_download_of_another_network_is_refused_and_removed(hub):
    hub.publish(to_pth({"other": torch.zeros(3)}))
    with pytest.raises(WeightsError, match="of another network: 3 of 3 weights missing"):
        read_published()
    assert files_kept() == []


def test_a_hub_that_gives_no_checksum_is_not_trusted(hub, tensors):
    hub.publish(to_pth(tensors))
    hub.sha256 = "abc"
    with pytest.raises(WeightsNotFoundError, match="does not say size and SHA-256"):
        read_published()
    assert hub.ranges() == []


def test_what_lies_elsewhere_is_fetched_without_the_token(hub, tensors, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.publish(to_pth(tensors))
    hub.redirects = True
    assert_same(read_published(), tensors)
    elsewhere = [headers for _, path, headers in hub.requests if path.startswith("/elsewhere")]
    at_home = [headers for _, path, headers in hub.requests if path.startswith("/someone")]
    assert len(elsewhere) == 1
    assert "authorization" not in elsewhere[0]
    assert all(headers["authorization"] == "Bearer hf_secret" for headers in at_home)


def assert_ways_out(message: str) -> None:
    assert "\n" not in message
    for way in (
        "genreclass download network",
        "path of last.pth as weights=...",
        str(converted_path(PUBLISHED).parent),
        "GENRECLASS_HOME",
        "HF_HOME",
    ):
        assert way in message


def test_without_a_network_the_ways_out_are_listed_within_seconds(hub, monkeypatch):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}/")
    began = time.monotonic()
    with pytest.raises(
        WeightsNotFoundError, match=r"not be downloaded \(Connect\w*Error"
    ) as caught:
        read_published()
    assert time.monotonic() - began < 5
    assert_ways_out(str(caught.value))
    assert isinstance(caught.value, FileNotFoundError)
    assert files_kept() == []


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_nobody_is_asked(hub, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    with pytest.raises(WeightsNotFoundError, match="OFFLINE is set") as caught:
        read_published()
    assert_ways_out(str(caught.value))
    assert hub.requests == []


def test_offline_what_was_downloaded_is_read(hub, tensors, monkeypatch):
    hub.publish(to_pth(tensors))
    read_published()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert_same(read_published(), tensors)


def test_what_the_client_has_downloaded_is_taken_and_stays(hub, tensors, monkeypatch):
    hub.publish(to_pth(tensors))
    held = hf_hub_download(
        PUBLISHED.name,
        PUBLISHED.filename,
        revision=PUBLISHED.revision,
        endpoint=hub.url,
        cache_dir=Path(os.environ["HF_HOME"]) / "hub",
    )
    hub.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert_same(read_published(), tensors)
    assert hub.requests == []
    assert Path(held).read_bytes() == hub.content
    assert files_kept() == [converted_path(PUBLISHED).name]


def test_what_the_client_has_is_passed_over_where_it_is_damaged(hub, tensors, caplog):
    hub.publish(to_pth(tensors))
    cache = Path(os.environ["HF_HOME"]) / "hub"
    held = hf_hub_download(
        PUBLISHED.name,
        PUBLISHED.filename,
        revision=PUBLISHED.revision,
        endpoint=hub.url,
        cache_dir=cache,
    )
    content = bytearray(hub.content)
    content[len(content) // 2] ^= 1  # a bit of a weight
    Path(held).resolve().write_bytes(content)
    assert_same(read_published(), tensors)
    assert "SHA-256" in caplog.text
    assert len(hub.ranges()) == 2


def test_two_at_once_download_once(hub, tensors):
    hub.publish(to_pth(tensors))
    found = []
    threads = [threading.Thread(target=lambda: found.append(read_published())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for weights in found:
        assert_same(weights, tensors)
    assert len(found) == 2
    assert hub.ranges() == [None]


def test_a_damaged_file_of_the_cache_is_named_with_the_way_out(hub, tensors):
    hub.publish(to_pth(tensors))
    read_published()
    path = converted_path(PUBLISHED)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=r"network-0123456789ab\.safetensors .* Remove it"):
        read_published()
    path.unlink()
    assert_same(read_published(), tensors)


def test_a_folder_that_cannot_be_made_is_named(hub, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"cannot be kept in .*file.weights .* set GENRECLASS_HOME"):
        read_published()


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({}, ".cache/genreclass/weights"),
        ({"XDG_CACHE_HOME": "xdg"}, "xdg/genreclass/weights"),
        ({"XDG_CACHE_HOME": "xdg", "HF_HOME": "hf"}, "hf/genreclass/weights"),
        ({"HF_HOME": "hf", "GENRECLASS_HOME": "own"}, "own/weights"),
    ],
)
def test_the_environment_moves_the_folder(tmp_path, monkeypatch, variables, place):
    for variable in ("XDG_CACHE_HOME", "HF_HOME", "GENRECLASS_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable, folder in variables.items():
        monkeypatch.setenv(variable, f"~/{folder}")
    name = "network-0123456789ab.safetensors"
    assert converted_path(PUBLISHED) == tmp_path / place / name
    newer = dataclasses.replace(PUBLISHED, revision="f" * 40)
    assert converted_path(newer) != converted_path(PUBLISHED)


def test_openjmla_is_pinned():
    assert OPENJMLA.name == "UniMus/OpenJMLA"
    assert len(OPENJMLA.revision) == 40


# --- files -----------------------------------------------------------------------------------


def to_legacy(content) -> bytes:
    return to_pth(content, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (to_pth, "some.pth"),
        (to_pth, "some.pt"),
        (to_pth, "some"),
        (to_legacy, "some.pth"),
        (to_safetensors, "some.safetensors"),
        (to_safetensors, "some.pth"),
    ],
)
def test_a_file_of_each_kind_is_read(local, tensors, write, name):
    assert_same(local(write(tensors), name), tensors)


@pytest.mark.parametrize("wrap", ["state_dict", "model"])
def test_weights_are_found_within_a_dict(local, tensors, wrap):
    assert_same(local({wrap: tensors, "epoch": 20, "meta": {"seed": 0}}), tensors)
    assert_same(local({"model": {"state_dict": tensors}}), tensors)


@pytest.mark.parametrize(
    "prefix",
    [
        "module.",
        "backbone.",
        "model.backbone.",
        "encoder.",
        "module.encoder.",
        "module.model.backbone.",
    ],
)
def test_prefixes_are_taken_off(local, tensors, prefix):
    assert_same(local({prefix + name: tensor for name, tensor in tensors.items()}), tensors)


def test_other_parts_of_a_larger_model_are_passed_over(local, tensors):
    others = ("neck.lm.embed.weight", "samplers.0", "adapter.a", "norm.weight", "head.bias")
    others += ("decoder.0", "decoder_pos_embed", "module.neck.b")
    larger = {f"backbone.{name}": tensor for name, tensor in tensors.items()}
    larger |= {name: torch.full((2,), torch.nan) for name in others}
    assert_same(local(larger), tensors)
    assert_same(local(to_safetensors(larger)), tensors)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_become_float32(local, tensors, dtype):
    other = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    assert_same(local(other), other)
    assert_same(local(to_safetensors(other)), other)


def test_parameters_become_plain_tensors(local, tensors):
    parameters = {name: torch.nn.Parameter(tensor) for name, tensor in tensors.items()}
    found = local(parameters)
    assert_same(found, tensors)
    assert not any(tensor.requires_grad for tensor in found.values())


def test_a_path_may_be_text_and_begin_at_home(tmp_path, tensors, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "some.pth").write_bytes(to_pth(tensors))
    found = read_weights("~/some.pth", published=PUBLISHED, expected=EXPECTED)
    assert_same(found, tensors)


class _Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("name", ["some.pth", "some.safetensors"])
@pytest.mark.parametrize("write", [to_pth, to_legacy])
def test_code_in_a_file_is_not_run(local, tensors, tmp_path, write, name):
    touched = tmp_path / "touched"
    written = write({**tensors, "more": _Touch(touched)})
    problem = r"holds more than weights: \w+\.system would have to run, which is never done"
    if name.endswith(".safetensors"):
        problem = "is no file of weights, or is damaged"
    with pytest.raises(WeightsError, match=f"{name} {problem}"):
        local(written, name)
    assert not touched.exists()
    torch.load(io.BytesIO(written), weights_only=False)  # which would have
    assert touched.exists()


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_code_in_a_bare_pickle_is_not_run(local, tmp_path, protocol):
    touched = tmp_path / "touched"
    with pytest.raises(WeightsError, match=r"some\.pth (holds more than|is no file of) weights"):
        local(pickle.dumps(_Touch(touched), protocol))
    assert not touched.exists()


def test_code_that_was_downloaded_is_not_run(hub, tensors, tmp_path):
    hub.publish(to_pth({**tensors, "more": _Touch(tmp_path / "touched")}))
    with pytest.raises(WeightsError, match="holds more than weights"):
        read_published()
    assert not (tmp_path / "touched").exists()
    assert files_kept() == []


def test_an_array_in_a_file_is_not_taken_for_weights(local):
    with pytest.raises(WeightsError, match="holds more than weights: numpy"):
        local({"token": np.zeros(3)})


def _wav() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(800), 8000, format="WAV")
    return buffer.getvalue()


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("notes/a.txt", "a")
    return buffer.getvalue()


def _script() -> bytes:
    class Doubled(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

    buffer = io.BytesIO()
    with pytest.warns(DeprecationWarning, match="torch.jit"):
        torch.jit.save(torch.jit.script(Doubled()), buffer)
    return buffer.getvalue()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 345\n"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda t: b"", "is empty"),
        (lambda t: POINTER, "is a pointer of Git LFS"),
        (lambda t: b"these are no weights\n" * 20, "is no file of weights, or is damaged"),
        (lambda t: _wav(), "is no file of weights, or is damaged"),
        (lambda t: _zip(), "is no file of weights, or is damaged"),
        (lambda t: to_pth(t)[:-1000], "is no file of weights, or is damaged"),
        (lambda t: to_pth(t)[:1000], "is no file of weights, or is damaged"),
        (lambda t: to_legacy(t)[:-1000], "is no file of weights, or is damaged"),
        (lambda t: to_safetensors(t)[:-1000], "is no file of weights, or is damaged"),
        (lambda t: to_safetensors(t)[:40], "is no file of weights, or is damaged"),
        (lambda t: to_pth([1, 2]), "holds a list, expected weights by name"),
        (lambda t: to_pth(torch.zeros(3)), "holds a Tensor, expected weights by name"),
        (lambda t: to_pth({**t, "token": 3}), "holds no plain tensor under 'token'"),
        (
            lambda t: to_pth({**t, "token": torch.zeros(1, 1, 8).to_sparse()}),
            "holds no plain tensor under 'token'",
        ),
        (
            lambda t: to_pth({**t, "token": torch.zeros(1, 1, 8, device="meta")}),
            "holds no plain tensor under 'token'",
        ),
        (
            lambda t: to_pth({**t, "token": torch.zeros(1, 1, 8, dtype=torch.int64)}),
            "holds int64 under 'token', expected floating-point numbers",
        ),
        (
            lambda t: to_pth({**t, "token": torch.zeros(1, 1, 9)}),
            r"'token' has shape \(1, 1, 9\), expected \(1, 1, 8\)",
        ),
        (
            lambda t: to_pth({**t, "token": torch.full((1, 1, 8), torch.nan)}),
            "is damaged: 'token' holds NaN or infinity",
        ),
        (
            lambda t: to_safetensors({**t, "token": torch.full((1, 1, 8), -torch.inf)}),
            "is damaged: 'token' holds NaN or infinity",
        ),
        (
            lambda t: to_pth({"token": t["token"], "fc.weight": t["token"], "x": t["token"]}),
            r"another network: 2 of 3 weights missing, as 'layers\.0\.ln1\.weight', 2 unexpected, "
            r"as 'fc\.weight'",
        ),
        (lambda t: to_pth({**t, "\x1b[2J": t["token"]}), r"1 unexpected, as '\\x1b\[2J'"),
        (
            lambda t: to_pth({**t, "module.token": t["token"]}),
            "holds 'token' twice, once as 'module.token'",
        ),
    ],
)
def test_what_is_no_file_of_these_weights_is_refused(local, tensors, make, problem):
    with pytest.raises(WeightsError, match=problem) as caught:
        local(make(tensors))
    message = str(caught.value)
    assert "some.pth" in message
    assert "Give last.pth of someone/network, or the name 'someone/network'." in message
    assert message.isprintable()
    assert len(message) < 500
    assert isinstance(caught.value, (GenreclassError, ValueError))


def test_a_script_is_refused(local):
    with pytest.raises(WeightsError, match="TorchScript"):
        local(_script())


def test_names_and_shapes_are_looked_at_before_any_number_is(local, tensors, monkeypatch):
    monkeypatch.setattr(module, "_cast", lambda *args: pytest.fail("a number was looked at"))
    last = list(EXPECTED)[-1]
    for write in (to_pth, to_safetensors):
        with pytest.raises(WeightsError, match=last):
            local(write({**tensors, last: torch.zeros(1)}))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="is a folder"):
        read_weights(tmp_path, published=PUBLISHED, expected=EXPECTED)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "some.pth")
    with pytest.raises(WeightsError, match="is not a regular file"):
        read_weights(tmp_path / "some.pth", published=PUBLISHED, expected=EXPECTED)


@pytest.mark.parametrize("step", ["stat", "open"])  # a folder that may not be entered, or a file
def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch, step):
    def refuse(self, *args, **options):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "some.pth"
    path.write_bytes(b"a")
    monkeypatch.setattr(Path, step, refuse)  # root may do everything
    with pytest.raises(WeightsError, match=r"some\.pth cannot be read \(Permission denied\)"):
        read_weights(path, published=PUBLISHED, expected=EXPECTED)


def test_a_link_to_nowhere_is_said_to_be_missing(tmp_path):
    (tmp_path / "some.pth").symlink_to(tmp_path / "gone.pth")
    with pytest.raises(WeightsNotFoundError, match=r"some\.pth does not exist"):
        read_weights(tmp_path / "some.pth", published=PUBLISHED, expected=EXPECTED)


@pytest.mark.parametrize("write", [to_pth, to_safetensors])
def test_changing_what_was_read_leaves_the_file_alone(local, tensors, tmp_path, write):
    content = write(tensors)
    for tensor in local(content).values():
        tensor.zero_()
    assert (tmp_path / "some.pth").read_bytes() == content


@pytest.mark.parametrize("name", ["nowhere/some.pth", "another/network", "someone/Network", "a\0b"])
def test_what_is_neither_file_nor_known_name_is_said_to_be_missing(hub, name):
    with pytest.raises(WeightsNotFoundError, match=r"does not exist.*'someone/network'"):
        read_weights(name, published=PUBLISHED, expected=EXPECTED)
    assert hub.requests == []


@pytest.mark.parametrize("value", [None, 3, b"some.pth", []])
def test_what_can_be_no_path_is_refused_by_its_type(value):
    with pytest.raises(TypeError, match=f"got {type(value).__name__}"):
        read_weights(value, published=PUBLISHED, expected=EXPECTED)


def test_a_file_that_was_compressed_is_refused_before_it_is_unpacked(local, tensors):
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(to_pth(tensors))) as plain:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in plain.namelist():
                archive.writestr(name, plain.read(name))
    with pytest.raises(WeightsError, match=r"some\.pth is compressed, which torch never does"):
        local(packed.getvalue())
