from __future__ import annotations

import hashlib
import importlib.util
import os
import struct
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import safetensors
import safetensors.numpy

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "src" / "genreclass" / "networks" / "musicnn"
MAGIC = 0xDB4775248B80FB57


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = ROOT / "tools" / "convert_musicnn.py"
    spec = importlib.util.spec_from_file_location("convert_musicnn", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def varint(value: int) -> bytes:
    written = b""
    while value > 0x7F:
        written += bytes([value & 0x7F | 0x80])
        value >>= 7
    return written + bytes([value])


def block(entries: list[tuple[bytes, bytes]], restart_interval: int = 16) -> bytes:
    """A block of a table, in which a key is written in full only every so often."""
    written, restarts, last = b"", [], b""
    for number, (key, value) in enumerate(entries):
        n_shared = 0
        if number % restart_interval == 0:
            restarts.append(len(written))
        else:
            while n_shared < min(len(last), len(key)) and last[n_shared] == key[n_shared]:
                n_shared += 1
        written += varint(n_shared) + varint(len(key) - n_shared) + varint(len(value))
        written += key[n_shared:] + value
        last = key
    restarts = restarts or [0]
    return written + struct.pack(f"<{len(restarts)}II", *restarts, len(restarts))


def table(blocks: list[list[tuple[bytes, bytes]]], compression: int = 0) -> bytes:
    """A LevelDB table, written as leveldb's doc/table_format.md says."""
    written, handles = b"", []

    def append(content: bytes) -> bytes:
        nonlocal written
        handle = varint(len(written)) + varint(len(content))
        written += content + bytes([compression]) + b"crc!"
        return handle

    for entries in blocks:
        handles.append((entries[-1][0], append(block(entries, restart_interval=2))))
    footer = append(block([])) + append(block(handles, restart_interval=1))
    return written + footer.ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def entry(shape: tuple[int, ...], offset: int, dtype: int = 1) -> bytes:
    """A BundleEntryProto; what is 0 is left out, as protocol buffers do."""
    dimensions = b""
    for size in shape:
        dimension = b"\x08" + varint(size)
        dimensions += b"\x12" + varint(len(dimension)) + dimension
    message = b"\x08" + varint(dtype) + b"\x12" + varint(len(dimensions)) + dimensions
    if offset:
        message += b"\x20" + varint(offset)
    return message + b"\x28" + varint(4 * int(np.prod(shape))) + b"\x35" + b"crc!"


@pytest.fixture
def checkpoint() -> tuple[bytes, bytes, dict[str, np.ndarray]]:
    """An index of two blocks with shared beginnings of keys, its data, and what is in them."""
    generator = np.random.default_rng(0)
    shapes = {
        "conv2d/bias": (5,),
        "conv2d/bias/Adam": (5,),
        "conv2d/kernel": (7, 3, 1, 5),
        "conv2d_1/bias": (200,),
        "dense/bias": (),
    }
    expected = {
        name: np.float32(generator.normal(size=shape)).reshape(shape)
        for name, shape in shapes.items()
    }
    data, entries = b"", [(b"", b"\x08\x01\x1a\x02\x08\x01")]
    for name, variable in expected.items():
        entries.append((name.encode(), entry(variable.shape, len(data))))
        data += variable.tobytes()
    return table([entries[:4], entries[4:]]), data, expected


def test_a_checkpoint_of_two_blocks_is_read(tool, checkpoint):
    index, data, expected = checkpoint

    variables = tool.read_checkpoint(index, data)

    assert list(variables) == list(expected)
    for name, variable in expected.items():
        np.testing.assert_array_equal(variables[name], variable, strict=True)


def test_an_index_that_is_cut_off_is_refused(tool, checkpoint):
    index, data, _ = checkpoint
    with pytest.raises(tool.ConversionError, match="no whole LevelDB table"):
        tool.read_checkpoint(index[:-1], data)


def test_a_compressed_block_is_refused(tool):
    with pytest.raises(tool.ConversionError, match=r"at byte .* is compressed"):
        tool.read_table(table([[(b"a", b"1")]], compression=1))


def test_data_that_are_cut_off_are_refused_by_the_variable_s_name(tool, checkpoint):
    index, data, _ = checkpoint
    with pytest.raises(tool.ConversionError, match="dense/bias lies beyond"):
        tool.read_checkpoint(index, data[:-1])


def test_a_variable_of_another_type_is_refused_by_name(tool):
    index = table([[(b"global_step", entry((2,), 0, dtype=9))]])
    with pytest.raises(tool.ConversionError, match="global_step is not float32"):
        tool.read_checkpoint(index, bytes(8))


def test_a_checkpoint_of_another_network_is_refused(tool, checkpoint):
    index, data, _ = checkpoint
    # Without the slot of the optimiser: 5 + 105 + 200 + 1.
    with pytest.raises(tool.ConversionError, match="4 variables of 311 numbers, expected 64"):
        tool.for_inference(tool.read_checkpoint(index, data))


def write_wheel(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
    return path


@pytest.fixture
def members(tool, monkeypatch) -> dict[str, bytes]:
    """Files named as in the wheel, for whose content the tool is made to look."""
    contents = {name: f"what is in {name}".encode() for name in tool.SHA256}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(tool, "SHA256", hashes)
    return contents


def test_a_wheel_as_published_is_read(tool, members, tmp_path):
    assert tool.read_members(write_wheel(tmp_path / "a.whl", members)) == members


@pytest.mark.parametrize(
    "name",
    [
        "musicnn/MSD_musicnn/.index",
        "musicnn/MTT_musicnn/.data-00000-of-00001",
        "musicnn/configuration.py",
        "musicnn-0.1.0.dist-info/LICENSE.md",
    ],
)
def test_a_changed_byte_is_refused_by_the_file_s_name(tool, members, tmp_path, name):
    members[name] = members[name][:-1] + b"!"
    with pytest.raises(tool.ConversionError, match=f"^{name} in .* is not as published"):
        tool.read_members(write_wheel(tmp_path / "a.whl", members))


def test_a_missing_file_is_refused_by_name(tool, members, tmp_path):
    del members["musicnn/MSD_musicnn/.index"]
    with pytest.raises(tool.ConversionError, match=r"has no musicnn/MSD_musicnn/\.index"):
        tool.read_members(write_wheel(tmp_path / "a.whl", members))


def test_a_wheel_that_is_cut_off_is_refused_in_one_line(tool, members, tmp_path, monkeypatch):
    wheel = write_wheel(tmp_path / "a.whl", members)
    wheel.write_bytes(wheel.read_bytes()[:-30])
    monkeypatch.setattr("sys.argv", ["convert_musicnn.py", str(wheel), str(tmp_path / "out")])
    with pytest.raises(SystemExit, match=r"^Error: .*a\.whl is no whole wheel: .*\.0$"):
        tool.main()
    assert not (tmp_path / "out").exists()


def test_tags_are_read_without_running_the_file(tool):
    tags = [f"tag {number}" for number in range(50)]
    source = f"MTT_LABELS = []\nraise SystemExit\nMSD_LABELS = {tags}\n".encode()
    assert tool.read_tags(source, "MSD_musicnn") == tags


def test_the_file_written_is_read_by_safetensors(tool, tmp_path):
    tensors = {"b": np.arange(6, dtype=np.float32).reshape(2, 3).T, "a": np.ones(1, np.float32)}
    path = tmp_path / "a.safetensors"
    path.write_bytes(tool.to_safetensors(tensors, {"tags": '["rock"]', "model": "a"}))

    read = safetensors.numpy.load_file(path)

    assert sorted(read) == ["a", "b"]
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(read[name], tensor, strict=True)
    with safetensors.safe_open(path, "numpy") as file:
        assert file.metadata() == {"tags": '["rock"]', "model": "a"}


def test_the_published_wheel_gives_the_files_that_are_shipped(tool):
    wheel = os.environ.get("GENRECLASS_MUSICNN_WHEEL")
    if not wheel:
        pytest.skip("needs GENRECLASS_MUSICNN_WHEEL, the path of musicnn-0.1.0-py3-none-any.whl")
    files = tool.convert(Path(wheel))
    assert sorted(files) == ["LICENSE", "msd_musicnn.safetensors", "mtt_musicnn.safetensors"]
    for name, content in files.items():
        shipped = SHIPPED / ("LICENSE.musicnn.txt" if name == "LICENSE" else name)
        # Compared outside the assert, which would show all bytes that differ.
        same = content == shipped.read_bytes()
        assert same, name
