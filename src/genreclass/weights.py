"""Pretrained weights: found, downloaded, verified, and read without running code from them."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from genreclass.audio import expand_path, printable
from genreclass.durable import replacing
from genreclass.exceptions import GenreclassError, WeightsError, WeightsNotFoundError
from genreclass.home import find_home, find_user_cache
from genreclass.progress import make_progress

__all__ = ["OPENJMLA", "PublishedWeights", "converted_path", "download_weights", "read_weights"]

_log = logging.getLogger(__name__)

# What tools for training put around the weights, and in front of their names.
_WRAPPERS = ("state_dict", "model")
_PREFIXES = ("module.", "model.backbone.", "backbone.", "encoder.")

# Parts of larger models that hold the network.
_OTHER_PARTS = ("neck.", "samplers.", "adapter.", "norm.", "head.", "decoder")

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """A file of pretrained weights on the Hugging Face hub.

    Attributes
    ----------
    name : str
        Of its repository; what users write.
    short_name : str
        What ``genreclass download`` calls it.
    filename : str
        The file.
    revision : str
        The commit it is taken from.
    n_bytes : int
        About how large it is, to be said before anything is asked.
    licence : str
        What its page says.
    """

    name: str
    short_name: str
    filename: str
    revision: str
    n_bytes: int
    licence: str


# Du, Yu, Lin, Zhu and Kong 2023, arXiv 2310.10159: the audio encoder alone. The commit is the one
# that added the file.
OPENJMLA = PublishedWeights(
    name="UniMus/OpenJMLA",
    short_name="openjmla",
    filename="epoch_20.pth",
    revision="183e91f5ceb179b4d309f5681683ef0d16eedb26",
    n_bytes=346_000_000,
    licence='"cc", without a version; the part that is a language model also under that of Llama 2',
)


def read_weights(
    weights: str | os.PathLike[str],
    *,
    published: PublishedWeights,
    expected: Mapping[str, tuple[int, ...]],
) -> dict[str, torch.Tensor]:
    """Read the weights of a network, from a file or from the hub.

    Parameters
    ----------
    weights : str or path-like
        The name of `published`, as a str: downloaded at the first use, and never asked for again.
        Or the path of a ``.pth``, ``.pt`` or ``.safetensors`` file.
    published : PublishedWeights
        The weights that have a name.
    expected : mapping from str to tuple of int
        Name and shape of every weight of the network.

    Returns
    -------
    dict from str to torch.Tensor
        As `expected`, in its order, float32 and on the CPU. They may be mapped from the file: copy
        them, as ``load_state_dict`` does.

    Raises
    ------
    WeightsError
        The file is damaged, of another network, not finite, or would have to run code.
    WeightsNotFoundError
        There is no such file, or it could not be downloaded.
    OSError
        What was downloaded cannot be kept.

    Notes
    -----
    Files of the tools for training are read as well: weights within ``state_dict`` or ``model``,
    with ``module.``, ``backbone.`` or ``encoder.`` in front of their names, beside the other parts
    of a larger model, or in half precision.
    """
    if isinstance(weights, str) and weights == published.name:
        path = download_weights(published, expected=expected)
        return _read_file(path, expected, "Remove it, and it is downloaded again.")
    path = _find_local(weights, published)
    advice = f"Give {published.filename} of {published.name}, or the name {published.name!r}."
    return _read_file(path, expected, advice)


def converted_path(published: PublishedWeights) -> Path:
    """Where downloaded weights are kept, or would be.

    In ``weights`` within ``GENRECLASS_HOME``; where that is not set, within ``HF_HOME/genreclass``,
    as that is where people keep what is large; else within ``~/.cache/genreclass``.
    """
    home, hub_home = find_home(), os.environ.get("HF_HOME")
    if hub_home and not os.environ.get("GENRECLASS_HOME"):
        home = Path(hub_home).expanduser() / "genreclass"
    name = f"{published.short_name}-{published.revision[:12]}.safetensors"
    return home / "weights" / name


def download_weights(
    published: PublishedWeights,
    *,
    expected: Mapping[str, tuple[int, ...]],
    visible: bool = False,
) -> Path:
    """Have published weights on the disk, and download them where they are not.

    Parameters
    ----------
    published : PublishedWeights
        Which ones. What the hub's own client has downloaded before is taken.
    expected : mapping from str to tuple of int
        Name and shape of every weight.
    visible : bool
        Show a progress bar on stderr.

    Returns
    -------
    Path
        A safetensors file of `converted_path`.

    Raises
    ------
    WeightsError
        What came is not what was published, or not these weights. It is removed.
    WeightsNotFoundError
        It could not be downloaded. What had come is kept, and the next call goes on from there.
    OSError
        It cannot be kept in the folder.
    """
    from filelock import FileLock

    path = converted_path(published)
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):  # who comes second waits, and finds it there
            if not path.is_file() and not _take_from_client(published, path, expected):
                _download(published, path, expected, visible=visible)
    except GenreclassError:
        raise
    except OSError as error:
        raise OSError(
            f"The weights {published.name} cannot be kept in {printable(path.parent)} "
            f"({error.strerror or error}). Make room or set GENRECLASS_HOME to another folder."
        ) from error
    return path


def _take_from_client(
    published: PublishedWeights, path: Path, expected: Mapping[str, tuple[int, ...]]
) -> bool:
    """Convert what the hub's own client has downloaded before, if it has; its file stays."""
    from huggingface_hub import try_to_load_from_cache

    held = try_to_load_from_cache(
        published.name,
        published.filename,
        cache_dir=_find_client_cache(),
        revision=published.revision,
    )
    if not isinstance(held, str):
        return False
    named = Path(held).resolve().name  # large files are stored under their SHA-256
    try:
        _convert(Path(held), path, published, expected, named if _SHA256.fullmatch(named) else None)
    except WeightsError as error:
        _log.warning("Passed over: %s", error)
        return False
    return True


def _find_client_cache() -> Path:
    """As the client finds it; but that looks at the environment once, when it is imported."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(variable):
            return Path(os.environ[variable]).expanduser()
    home = os.environ.get("HF_HOME")
    return (Path(home).expanduser() if home else find_user_cache() / "huggingface") / "hub"


def _download(
    published: PublishedWeights,
    path: Path,
    expected: Mapping[str, tuple[int, ...]],
    *,
    visible: bool,
) -> None:
    if _is_offline():
        raise _not_found(published, "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set")
    _log.info(
        "Downloading the weights %s (%d MB, licence: %s) to %s, once.",
        published.name,
        published.n_bytes / 1e6,
        published.licence,
        path.parent,
    )
    partial = path.with_suffix(".incomplete")
    try:
        sha256 = _fetch(published, partial, visible=visible)
        _convert(partial, path, published, expected, sha256)
    except WeightsError:
        with suppress(OSError):  # Windows removes nothing that is still mapped
            partial.unlink()
        raise
    partial.unlink()


def _is_offline() -> bool:
    flag = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return flag.upper() in ("1", "ON", "YES", "TRUE")


def _fetch(published: PublishedWeights, partial: Path, *, visible: bool) -> str:
    """Download into a file, going on where it ends; its SHA-256 as the hub gives it."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    # hf_hub_download does not verify what came, and in newer versions begins anew every time.
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    endpoint = (os.environ.get("HF_ENDPOINT") or "").rstrip("/") or None
    url = hf_hub_url(
        published.name, published.filename, revision=published.revision, endpoint=endpoint
    )
    try:
        with _quiet_client():
            facts = get_hf_file_metadata(url)
            if facts.size is None or not _SHA256.fullmatch(facts.etag or ""):
                raise _not_found(published, f"{url} does not say size and SHA-256")
            with partial.open("ab") as file:
                if file.tell() > facts.size:
                    file.seek(0)
                    file.truncate()
                with _byte_bar(published.name, facts.size, file.tell(), visible=visible) as bar:
                    http_get(
                        url,
                        file,
                        resume_size=file.tell(),
                        headers={**build_hf_headers(), "Accept-Encoding": "identity"},
                        expected_size=facts.size,
                        _tqdm_bar=bar,
                    )
    except GenreclassError:
        raise
    except Exception as error:  # of the client, whose HTTP library differs between its versions
        if isinstance(error, OSError) and error.errno is not None:  # of the disk
            raise
        raise _not_found(published, f"{type(error).__name__}: {_first_line(error)}") from error
    return str(facts.etag)


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Without warnings of the hub's client, and without its telling the hub what is installed."""
    from huggingface_hub import constants

    logger = logging.getLogger("huggingface_hub")
    before = logger.level, constants.HF_HUB_DISABLE_TELEMETRY
    logger.setLevel(logging.ERROR)  # what matters in the warnings is in our errors
    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        yield
    finally:
        logger.setLevel(before[0])
        constants.HF_HUB_DISABLE_TELEMETRY = before[1]


@contextmanager
def _byte_bar(title: str, n_bytes: int, n_done: int, *, visible: bool) -> Iterator[Any]:
    """A progress bar for the hub's client, which calls its ``update`` with a number of bytes."""
    with make_progress("MB", visible=visible) as progress:
        task = progress.add_task(title, total=n_bytes / 1e6, completed=n_done / 1e6, figures="")  # type: ignore[arg-type]
        yield SimpleNamespace(update=lambda n: progress.advance(task, n / 1e6))


def _not_found(published: PublishedWeights, reason: str) -> WeightsNotFoundError:
    folder = converted_path(published).parent
    return WeightsNotFoundError(
        f"The weights {published.name} ({published.n_bytes / 1e6:.0f} MB) are not in "
        f"{printable(folder)} and could not be downloaded ({reason}). Run `genreclass download "
        f"{published.short_name}` where there is a network, and copy that folder; or give the path "
        f"of {published.filename} as weights=... (--weights); GENRECLASS_HOME or HF_HOME moves the "
        "folder."
    )


def _convert(
    source: Path,
    path: Path,
    published: PublishedWeights,
    expected: Mapping[str, tuple[int, ...]],
    sha256: str | None,
) -> None:
    """Verify a file and write its weights to `path`, as safetensors.

    Raises
    ------
    WeightsError
        It is not what was published: its SHA-256 is another than `sha256`, or its weights.
    OSError
        It cannot be read, or `path` not be written.
    """
    # Torch's writer refuses tensors that are views of one storage; and one that is given a path
    # makes a file of its own, for this user alone and not synced.
    from safetensors.numpy import save

    with source.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 not in (None, found):
        raise WeightsError(
            f"{printable(source)} is damaged: its SHA-256 is {found[:12]}..., expected "
            f"{sha256[:12]}... of {published.filename} of {published.name}. Download it again."
        )
    tensors = _read_file(source, expected, f"It is {published.filename} of {published.name}.")
    arrays = {name: tensor.contiguous().numpy() for name, tensor in tensors.items()}
    origin = {
        "source": f"{published.name}/{published.filename}",
        "revision": published.revision,
        "sha256": found,
        "licence": published.licence,
    }
    with replacing(path) as file:
        file.write(save(arrays, metadata=origin))


def _find_local(weights: str | os.PathLike[str], published: PublishedWeights) -> Path:
    if not isinstance(weights, (str, os.PathLike)):
        raise TypeError(
            f"weights must be {published.name!r} or the path of a file, got "
            f"{type(weights).__name__}"
        )
    path = expand_path(weights)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise WeightsNotFoundError(
            f"{printable(path)} does not exist, and is not the name of weights that can be "
            f"downloaded. Give {published.name!r}, or the path of a .pth or .safetensors file."
        ) from None
    except OSError:  # it is there, but cannot be read
        pass
    return path


def _read_file(
    path: Path, expected: Mapping[str, tuple[int, ...]], advice: str
) -> dict[str, torch.Tensor]:
    """The expected weights of a file; nothing is copied or cast before names and shapes fit."""
    try:
        _check_is_file(path)
        found = _rename(_unwrap(_load(path)), expected)
        _check_names(found, expected)
        for name, shape in expected.items():
            _check_tensor(name, found[name], shape)
        return {name: _cast(name, found[name]) for name in expected}
    except WeightsError as error:
        raise WeightsError(f"{printable(path)} {error}. {advice}") from error.__cause__


def _check_is_file(path: Path) -> None:
    """Find out what a reader of weights would have misleading words for."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise WeightsError("is a folder, not a file of weights")
        if not stat.S_ISREG(mode):
            raise WeightsError("is not a regular file")
        with path.open("rb") as file:
            begin = file.read(32)
    except OSError as error:
        raise WeightsError(f"cannot be read ({error.strerror})") from error
    if not begin:
        raise WeightsError("is empty")
    if begin.startswith(b"version https://git-lfs"):
        raise WeightsError("is a pointer of Git LFS to the file, not the file; git lfs pull has it")


def _load(path: Path) -> Any:
    """What is in a file, mapped from it where its format allows; no code in it is run."""
    from safetensors import safe_open

    try:
        with path.open("rb") as file:
            begins = file.read(9)[8:]  # where safetensors have the JSON of their header
        if begins == b"{" or path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as tensors:
                return {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old formats
            return torch.load(
                path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
            )
    except Exception as error:  # a damaged file can fail anywhere, in any way
        code = re.search(r"GLOBAL ([\w.]+)", str(error))
        if code:
            raise WeightsError(
                f"holds more than weights: {code[1]:.80} would have to run, which is never done"
            ) from error
        raise WeightsError(
            f"is no file of weights, or is damaged ({type(error).__name__}: {_first_line(error)})"
        ) from error


def _unwrap(content: Any) -> dict[Any, Any]:
    """The weights within what was saved around them."""
    for wrapper in _WRAPPERS * 2:  # one may be within the other, either way
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise WeightsError(f"holds a {type(content).__name__}, expected weights by name")
    return dict(content)


def _rename(found: dict[Any, Any], expected: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Weights by the names they have in the network alone, without the other parts of a model."""
    renamed: dict[str, Any] = {}
    for stored, tensor in found.items():
        name = str(stored)
        while name not in expected and name.startswith(_PREFIXES):
            name = next(name.removeprefix(p) for p in _PREFIXES if name.startswith(p))
        if name not in expected and name.startswith(_OTHER_PARTS):
            continue
        if name in renamed:
            raise WeightsError(f"holds {name!r:.80} twice, once as {stored!r:.80}")
        renamed[name] = tensor
    return renamed


def _check_names(found: dict[str, Any], expected: Mapping[str, tuple[int, ...]]) -> None:
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    problems = []
    if missing:
        problems.append(f"{len(missing)} of {len(expected)} weights missing, as {missing[0]!r:.80}")
    if unexpected:
        problems.append(f"{len(unexpected)} unexpected, as {unexpected[0]!r:.80}")
    if problems:
        raise WeightsError(f"is of another network: {', '.join(problems)}")


def _check_tensor(name: str, tensor: Any, shape: tuple[int, ...]) -> None:
    plain = isinstance(tensor, torch.Tensor) and tensor.layout == torch.strided
    if not plain or tensor.is_meta or tensor.is_nested:
        raise WeightsError(f"holds no plain tensor under {name!r}")
    if tuple(tensor.shape) != tuple(shape):
        raise WeightsError(
            f"is of another network: {name!r} has shape {tuple(tensor.shape)}, expected "
            f"{tuple(shape)}"
        )
    if tensor.dtype not in _FLOATS:
        kind = str(tensor.dtype).removeprefix("torch.")
        raise WeightsError(f"holds {kind} under {name!r}, expected floating-point numbers")


def _cast(name: str, tensor: torch.Tensor) -> torch.Tensor:
    tensor = tensor.detach().to(torch.float32)
    if not torch.isfinite(tensor).all():
        raise WeightsError(f"is damaged: {name!r} holds NaN or infinity")
    return tensor


def _first_line(error: Exception) -> str:
    """What an error says first, as it may be shown in a line."""
    text = str(error).rpartition("WeightsUnpickler error:")[2]  # torch's advice is in front
    line = next(iter(text.strip().splitlines()), "")
    return printable(f"{line:.150}")
