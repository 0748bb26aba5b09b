"""Turn the published weights of MusiCNN into safetensors files, without TensorFlow.

    pip download --no-deps musicnn==0.1.0
    python tools/convert_musicnn.py musicnn-0.1.0-py3-none-any.whl OUT_FOLDER

The wheel (do not install it: what it depends on no longer installs) holds the two networks of Pons
and Serra (2019), "musicnn: Pre-trained convolutional neural networks for music audio tagging",
trained on MagnaTagATune (MTT) and on the Million Song Dataset (MSD), as checkpoints of
TensorFlow 1. Written are ``msd_musicnn.safetensors``, ``mtt_musicnn.safetensors`` and ``LICENSE``,
the licence under which the weights may be passed on (ISC). The same wheel gives the same bytes.

What is read of the wheel is compared with the hashes in this file first; nothing in it is run. A
checkpoint is two files: ``.data`` holds the numbers, ``.index`` says where each variable lies in
it. The index is a table as of LevelDB (``table_format.md`` there), its values are protocol buffers
(``BundleEntryProto`` in TensorFlow's ``tensor_bundle.proto``).
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import math
import struct
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

MODELS = ("MSD_musicnn", "MTT_musicnn")
CONFIGURATION = "musicnn/configuration.py"
LICENCE = "musicnn-0.1.0.dist-info/LICENSE.md"

# Of the files in musicnn-0.1.0-py3-none-any.whl, as PyPI has it.
SHA256 = {
    "musicnn/MSD_musicnn/.index": (
        "87f3e0f3550c8d3bafc840374003e5c8af5eeb5ecf6add61af09a7822d3282c8"
    ),
    "musicnn/MSD_musicnn/.data-00000-of-00001": (
        "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6"
    ),
    "musicnn/MTT_musicnn/.index": (
        "da2d7bb670b2b31e9bc441bb1bd75eca31b5b061f963cc1f9630c1aff3238f57"
    ),
    "musicnn/MTT_musicnn/.data-00000-of-00001": (
        "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab"
    ),
    CONFIGURATION: "00fd595eb16bad3a605e10bb6eaf0152cb8125bed6e2c884a636f679ae100419",
    LICENCE: "60c4194f702ddd969f969577743546327b4e9db560c07ec286be5cec27f55fcd",
}

# 11 batch norms of 4, 8 convolutions and 2 dense layers of 2; the rest is of the optimiser.
N_VARIABLES, N_PARAMETERS, N_TAGS = 64, 792_079, 50
_OPTIMISER = frozenset({"Adam", "Adam_1", "beta1_power", "beta2_power"})

_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}

# What each layer is called there. TensorFlow numbers them in the order in which they were made.
NORMS = {
    "input_norm": "batch_normalization",
    "timbral.0.norm": "batch_normalization_1",
    "timbral.1.norm": "batch_normalization_2",
    "temporal.0.norm": "batch_normalization_3",
    "temporal.1.norm": "batch_normalization_4",
    "temporal.2.norm": "batch_normalization_5",
    "mid.0.norm": "batch_normalization_6",
    "mid.1.norm": "batch_normalization_7",
    "mid.2.norm": "batch_normalization_8",
    "pool_norm": "batch_normalization_9",
    "penultimate.norm": "batch_normalization_10",
}
CONVOLUTIONS = {
    "timbral.0.conv": "conv2d",
    "timbral.1.conv": "conv2d_1",
    "temporal.0.conv": "conv2d_2",
    "temporal.1.conv": "conv2d_3",
    "temporal.2.conv": "conv2d_4",
    "mid.0.conv": "conv2d_5",
    "mid.1.conv": "conv2d_6",
    "mid.2.conv": "conv2d_7",
}
DENSE = {"penultimate.linear": "dense", "output": "dense_1"}

# The last 8 bytes of a table; and what follows each block: its compression and its checksum.
_MAGIC = 0xDB4775248B80FB57
_FOOTER_SIZE, _UNCOMPRESSED = 48, 0
_FLOAT32 = 1  # DT_FLOAT in types.proto

_HOW_TO_GET = "Get the wheel anew by: pip download --no-deps musicnn==0.1.0"


class ConversionError(ValueError):
    """The wheel is not the one that this tool converts."""


def main() -> None:
    """Run the tool from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "wheel", metavar="WHEEL", type=Path, help="musicnn-0.1.0-py3-none-any.whl, from PyPI"
    )
    parser.add_argument(
        "folder",
        metavar="OUT_FOLDER",
        type=Path,
        help="where the three files are written; made if it is not there",
    )
    arguments = parser.parse_args()
    try:
        files = convert(arguments.wheel)
        arguments.folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (arguments.folder / name).write_bytes(content)
    except (ConversionError, OSError) as error:
        sys.exit(f"Error: {error}")


def convert(path: Path) -> dict[str, bytes]:
    """Convert both networks of a wheel: the files to write, by name."""
    members = read_members(path)
    files = {}
    for model in MODELS:
        variables = read_checkpoint(
            members[f"musicnn/{model}/.index"], members[f"musicnn/{model}/.data-00000-of-00001"]
        )
        metadata = {
            "model": model,
            "source": "musicnn 0.1.0",
            "licence": "ISC, Copyright (c) Music Technology Group, Universitat Pompeu Fabra 2019. "
            "Code developed by Jordi Pons",
            "tags": json.dumps(read_tags(members[CONFIGURATION], model)),
        }
        tensors = as_torch(for_inference(variables))
        files[f"{model.lower()}.safetensors"] = to_safetensors(tensors, metadata)
    return files | {"LICENSE": members[LICENCE]}


def read_members(path: Path) -> dict[str, bytes]:
    """Read what is needed of the wheel, and see that it is what was published."""
    members = {}
    try:
        with zipfile.ZipFile(path) as wheel:
            for name in SHA256:
                members[name] = wheel.read(name)
    except KeyError as error:
        raise ConversionError(f"{path} has no {name}. {_HOW_TO_GET}") from error
    except zipfile.BadZipFile as error:
        raise ConversionError(f"{path} is no whole wheel: {error}. {_HOW_TO_GET}") from error
    for name, content in members.items():
        found = hashlib.sha256(content).hexdigest()
        if found != SHA256[name]:
            raise ConversionError(
                f"{name} in {path} is not as published: its SHA-256 is {found}, "
                f"expected {SHA256[name]}. {_HOW_TO_GET}"
            )
    return members


def read_tags(source: bytes, model: str) -> list[str]:
    """Find the names of a network's outputs in musicnn/configuration.py, which is not run."""
    wanted = f"{model.partition('_')[0]}_LABELS"
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == wanted:
            tags = ast.literal_eval(statement.value)
            if len(set(tags)) != N_TAGS:
                raise ConversionError(f"{wanted} has {len(set(tags))} tags, expected {N_TAGS}.")
            return tags
    raise ConversionError(f"{CONFIGURATION} has no {wanted}. {_HOW_TO_GET}")


def read_checkpoint(index: bytes, data: bytes) -> dict[str, Array]:
    """Read all variables of a checkpoint: those of the optimiser too."""
    variables = {}
    for key, value in read_table(index).items():
        if not key:  # how many files there are, and their byte order: one, little-endian
            continue
        name = key.decode()
        entry = dict(read_fields(value))
        shape = _read_shape(entry.get(2, b""))
        # What is 0 is not written.
        offset, size = entry.get(4, 0), entry.get(5, 0)
        if entry.get(1) != _FLOAT32 or entry.get(3, 0) != 0 or size != 4 * math.prod(shape):
            raise ConversionError(f"{name} is not float32 of shape {shape} in the one data file.")
        if offset + size > len(data):
            raise ConversionError(f"{name} lies beyond the {len(data)} bytes of the data file.")
        variables[name] = np.frombuffer(data, "<f4", math.prod(shape), offset).reshape(shape)
    return variables


def _read_shape(message: bytes) -> tuple[int, ...]:
    """Read a TensorShapeProto: field 2 is a dimension, of which field 1 is the size."""
    dimensions = [value for field, value in read_fields(message) if field == 2]
    return tuple(dict(read_fields(dimension)).get(1, 0) for dimension in dimensions)


def read_table(table: bytes) -> dict[bytes, bytes]:
    """Read a LevelDB table of uncompressed blocks: all values, by key."""
    if len(table) < _FOOTER_SIZE or struct.unpack_from("<Q", table, len(table) - 8) != (_MAGIC,):
        raise ConversionError("The index of the checkpoint is no whole LevelDB table.")
    # The footer says where the block of statistics lies, then where the index of the blocks.
    position = len(table) - _FOOTER_SIZE
    for _ in range(2):
        _, position = read_varint(table, position)
    values: dict[bytes, bytes] = {}
    for _, handle in _read_block(table, *_read_handle(table, position)):
        values.update(_read_block(table, *_read_handle(handle, 0)))
    return values


def _read_handle(data: bytes, position: int) -> tuple[int, int]:
    """Read where a block begins, and how long it is."""
    offset, position = read_varint(data, position)
    size, _ = read_varint(data, position)
    return offset, size


def _read_block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Read the keys and values of one block.

    An entry is: how many bytes of the key are those of the key before it, how many follow, how many
    the value has; then both. After the last come the offsets of the keys that are written in full,
    for searching, and their number.
    """
    if offset + size >= len(table) or table[offset + size] != _UNCOMPRESSED:
        raise ConversionError(f"The block at byte {offset} of the index is compressed or cut off.")
    block = table[offset : offset + size]
    (n_restarts,) = struct.unpack_from("<I", block, size - 4)
    end = size - 4 * (n_restarts + 1)
    key, position = b"", 0
    while position < end:
        n_shared, position = read_varint(block, position)
        n_new, position = read_varint(block, position)
        n_value, position = read_varint(block, position)
        key = key[:n_shared] + block[position : position + n_new]
        position += n_new
        yield key, block[position : position + n_value]
        position += n_value


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Read a number of 7 bits a byte, the lowest first: the number, and where it ends."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def read_fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Read a protocol buffer: the number of each field, and the integer or the bytes in it."""
    position = 0
    while position < len(message):
        tag, position = read_varint(message, position)
        field, kind = tag >> 3, tag & 7
        if kind == 0:
            value, position = read_varint(message, position)
            yield field, value
            continue
        if kind == 2:
            size, position = read_varint(message, position)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ConversionError(f"Field {field} of an entry of the index has no known type.")
        yield field, message[position : position + size]
        position += size


def for_inference(variables: Mapping[str, Array]) -> dict[str, Array]:
    """Leave the state of the optimiser out, and see that the network is whole."""
    kept = {
        name: variable
        for name, variable in variables.items()
        if name.rpartition("/")[2] not in _OPTIMISER
    }
    n_parameters = sum(variable.size for variable in kept.values())
    if (len(kept), n_parameters) != (N_VARIABLES, N_PARAMETERS):
        raise ConversionError(
            f"The checkpoint has {len(kept)} variables of {n_parameters} numbers, expected "
            f"{N_VARIABLES} of {N_PARAMETERS}. {_HOW_TO_GET}"
        )
    return kept


def as_torch(variables: Mapping[str, Array]) -> dict[str, Array]:
    """Name and lay out the variables as the torch module does.

    The 1506 inputs of ``pool_norm`` and ``penultimate.linear`` stay in TensorFlow's order: maximum
    and mean of the first channel, of the second, and so on.
    """
    tensors = {}
    for layer, origin in NORMS.items():
        for ours, theirs in _NORM.items():
            tensors[f"{layer}.{ours}"] = variables[f"{origin}/{theirs}"]
    for layer, origin in CONVOLUTIONS.items():
        # (time, frequency, in, out) -> (out, in, time, frequency)
        kernel = variables[f"{origin}/kernel"].transpose(3, 2, 0, 1)
        # To the middle layers the channels are the frequencies of an image: (out, channels, time).
        weight = kernel[:, 0].transpose(0, 2, 1) if layer.startswith("mid.") else kernel
        tensors[f"{layer}.weight"] = weight
        tensors[f"{layer}.bias"] = variables[f"{origin}/bias"]
    for layer, origin in DENSE.items():
        tensors[f"{layer}.weight"] = variables[f"{origin}/kernel"].T
        tensors[f"{layer}.bias"] = variables[f"{origin}/bias"]
    return tensors


def to_safetensors(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """Write a safetensors file: the size of a header, the header in JSON, the numbers.

    The library writes metadata in an order that changes from run to run.
    """
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    body = bytearray()
    for name, tensor in sorted(tensors.items()):
        begin = len(body)
        body += tensor.astype("<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [begin, len(body)],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers are aligned in the file
    return struct.pack("<Q", len(text)) + text + bytes(body)


if __name__ == "__main__":
    main()
