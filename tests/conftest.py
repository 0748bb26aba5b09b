"""Fixtures shared by all tests."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genreclass.audio import Clip

# Networks this small gain nothing from threads, and on a busy machine threads that wait for each
# other cost minutes. Before torch is first imported, so that child processes take it over too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What is tested is computed; tests of the cache turn it on, in a folder of their own.
os.environ["GENRECLASS_CACHE_GB"] = "0"

SAMPLE_RATE = 22050

#: Real recordings and reference outputs that lie beside a developer's checkout, not in it.
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings that may be tested with, but not shipped."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared, recordings that are not part of the project")
    return SHARED


@pytest.fixture(scope="session")
def gtzan(shared: Path) -> Path:
    """A partial copy of GTZAN, in Ogg Vorbis."""
    return shared / "data" / "gtzan"


@pytest.fixture(scope="session")
def openjmla_file(shared: Path, tmp_path_factory: pytest.TempPathFactory):
    """A file as OpenJMLA's released one, of generated weights: those of golden/openjmla."""
    import torch

    path = shared / "golden" / "openjmla" / "make_state_dict.py"
    spec = importlib.util.spec_from_file_location("make_state_dict", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    weights = {name: torch.from_numpy(array) for name, array in module.state_dict(1).items()}
    file = tmp_path_factory.mktemp("openjmla") / "epoch_20.pth"
    torch.save({"state_dict": weights, "author": "MMSelfSup"}, file)
    del weights
    yield file
    file.unlink()  # 346 MB, which pytest would keep for three sessions


@pytest.fixture
def tones() -> tuple[list[np.ndarray], np.ndarray]:
    """Twelve half-second clips of two kinds an ear tells apart, and their labels."""
    generator = np.random.default_rng(0)
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    clips, labels = [], []
    for index in range(12):
        low = index % 2 == 0
        tone = np.sin(2 * np.pi * (200.0 if low else 3000.0) * time)
        clips.append((0.5 * tone + 0.05 * generator.normal(size=len(time))).astype(np.float32))
        labels.append("low" if low else "high")
    return clips, np.array(labels)


@pytest.fixture(params=["paths", "strings", "ragged list", "Clips", "2-D array", "object array"])
def as_input(request: pytest.FixtureRequest, tmp_path: Path):
    """Turns a list of equally long 1-D arrays into each of the forms X may have."""

    def convert(clips: list[np.ndarray]):
        form = request.param
        if form in ("paths", "strings"):
            paths = []
            for index, clip in enumerate(clips):
                path = tmp_path / f"{index:03}.wav"
                soundfile.write(path, clip, SAMPLE_RATE, subtype="FLOAT")
                paths.append(path if form == "paths" else str(path))
            return paths
        if form == "ragged list":
            return [clip[: len(clip) - index] for index, clip in enumerate(clips)]
        if form == "Clips":
            return [Clip(clip, SAMPLE_RATE) for clip in clips]
        if form == "2-D array":
            return np.stack(clips)
        objects = np.empty(len(clips), dtype=object)
        objects[:] = clips
        return objects

    return convert


@pytest.fixture
def as_on_cuda(monkeypatch: pytest.MonkeyPatch):
    """Once called, every function of dsp takes the way on a CPU that it takes on CUDA."""
    from genreclass.dsp import chroma, cqt, descriptors, mel, statistics, stft, tuning
    from genreclass.features import _frames

    def forget() -> None:  # filters that were made for the other way
        descriptors._moment_bands.cache_clear()
        _frames._mel_bands.cache_clear()

    def switch() -> None:
        forget()
        for module in (chroma, cqt, descriptors, mel, statistics, stft, tuning):
            monkeypatch.setattr(module, "on_cpu", lambda tensor: False)

    yield switch
    forget()


class Hub(ThreadingHTTPServer):
    """A Hugging Face hub on this machine that serves one file.

    What it is asked and what it sends is kept in `requests` and `sent`. After `break_after` bytes
    it breaks off, once, and then answers with the status `then`; after `stall_after` it waits.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _HubHandler)
        self.content, self.sha256 = b"", ""
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.sent = 0
        self.redirects = False
        self.break_after: int | None = None
        self.stall_after: int | None = None
        self.then = 200
        self.stopped = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def publish(self, content: bytes) -> None:
        self.content, self.sha256 = content, hashlib.sha256(content).hexdigest()

    def ranges(self) -> list[str | None]:
        """The ``Range`` of every download."""
        return [headers.get("range") for method, _, headers in self.requests if method == "GET"]


class _HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._note()
        self.send_response(302 if self.server.redirects else 200)
        self._send_hub_headers()
        self.send_header("Content-Length", "0" if self.server.redirects else str(self._size))
        self.end_headers()

    def do_GET(self) -> None:
        self._note()
        hub = self.server
        if hub.redirects and not self.path.startswith("/elsewhere"):
            self.send_response(302)
            self._send_hub_headers()
            self.end_headers()
            return
        if hub.then != 200 and hub.break_after is None:
            self.send_error(hub.then)
            return
        begin = int(self.headers.get("Range", "bytes=0-")[6:-1])
        if begin >= self._size:
            self.send_error(416)
            return
        self.send_response(206 if "Range" in self.headers else 200)
        self._send_hub_headers()
        self.send_header("Content-Length", str(self._size - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{self._size - 1}/{self._size}")
        self.end_headers()
        end, hub.break_after = hub.break_after or hub.stall_after, None
        body = hub.content[begin:end]
        self.wfile.write(body)
        self.wfile.flush()
        hub.sent += len(body)
        if hub.stall_after:
            hub.stopped.wait(60)

    @property
    def _size(self) -> int:
        return len(self.server.content)

    def _note(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.command, self.path, headers))

    def _send_hub_headers(self) -> None:
        self.send_header("X-Repo-Commit", self.path.split("/")[4] if "resolve" in self.path else "")
        self.send_header("ETag", '"of what is linked to"')
        self.send_header("X-Linked-ETag", f'"{self.server.sha256}"')
        self.send_header("X-Linked-Size", str(self._size))
        if self.server.redirects:  # the same machine by another name: another host
            port = self.server.server_port
            self.send_header("Location", f"http://localhost:{port}/elsewhere{self.path}")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A hub that the real client asks instead of huggingface.co, and empty folders for all."""
    from huggingface_hub import constants

    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE", "HF_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    monkeypatch.setenv("GENRECLASS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)  # 10 MB, which it gathers
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    yield server
    server.stopped.set()
    server.shutdown()
    thread.join()
    server.server_close()
