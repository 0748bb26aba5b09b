"""Published weights, downloaded from the hub once and verified."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from genreclass.audio import printable
from genreclass.durable import replacing
from genreclass.exceptions import GenreclassError, WeightsError, WeightsNotFoundError
from genreclass.home import find_user_cache
from genreclass.progress import make_progress
from genreclass.weights._published import PublishedWeights, converted_path
from genreclass.weights._read_file import first_line, read_file

__all__ = ["download_weights"]

_log = logging.getLogger(__name__)

_SHA256 = re.compile(r"[0-9a-f]{64}")


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
        raise _not_found(published, f"{type(error).__name__}: {first_line(error)}") from error
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
    tensors = read_file(source, expected, f"It is {published.filename} of {published.name}.")
    arrays = {name: tensor.contiguous().numpy() for name, tensor in tensors.items()}
    origin = {
        "source": f"{published.name}/{published.filename}",
        "revision": published.revision,
        "sha256": found,
        "licence": published.licence,
    }
    with replacing(path) as file:
        file.write(save(arrays, metadata=origin))
