"""How fast the pretrained encoders hear, and how far that is from what a processor can do.

    python benchmarks/encoders.py [--device cuda] [--precision bfloat16]

Clips of 30 s at 16,000 Hz, in memory: the time is that of the front end and the network. The floor
is the time that the network's multiplications alone would take: their number, counted by torch,
over the rate of a large matrix product on the same device in the same precision, measured in the
same run. Weights are drawn by chance, which changes no time.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from _shared import describe_machine
from torch.utils.flop_counter import FlopCounterMode

from genreclass.audio import check_clips
from genreclass.memory import kept_memory
from genreclass.models._jmla_listener import JMLAListener
from genreclass.models._listener import Listener
from genreclass.models._musicnn_listener import MusiCNNListener
from genreclass.models._pretrained_networks import JMLASize, load_musicnn

SAMPLE_RATE = 16000
DURATION_S = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clips", type=int, default=8, help="clips a run")
    parser.add_argument("--runs", type=int, default=3, help="runs, of which the median is shown")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    print(describe_machine(threads=arguments.threads, device=arguments.device))
    rate = _peak_rate(device, getattr(torch, arguments.precision))
    rate_32 = _peak_rate(device, torch.float32)
    print(f"A large product: {rate / 1e9:.0f} GFLOP/s in {arguments.precision}")
    print(f"{arguments.runs} runs of {arguments.clips} clips of {DURATION_S:.0f} s; medians\n")
    shape = arguments.clips, int(DURATION_S * SAMPLE_RATE)
    noise = 0.1 * np.random.default_rng(0).standard_normal(shape, np.float32)
    sources = check_clips(noise, sample_rate=SAMPLE_RATE)
    common = {"duration": None, "device": device, "n_jobs": None, "verbose": 0, "digest": "none"}
    jmla = JMLAListener(_random_jmla(), pooling="mean", precision=arguments.precision, **common)
    print("encoder                  clips/s   GFLOP a clip   floor, clips/s   of the floor")
    _print_speed(f"OpenJMLA, {arguments.precision}", jmla, sources, device, rate, arguments.runs)
    for hop in (61, 187):
        listener = MusiCNNListener(
            load_musicnn("msd").network,
            features="mean_pool",
            statistics=("mean", "std"),
            hop=hop,
            **common,
        )
        _print_speed(f"MusiCNN, hop {hop}", listener, sources, device, rate_32, arguments.runs)


def _random_jmla() -> torch.nn.Module:
    network = JMLASize().build().to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(0)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.02, generator=generator)
    return network


def _peak_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second in a product of large matrices, the best of five."""
    size = 2048 if device.type == "cpu" else 8192
    left = torch.randn(size, size, device=device, dtype=dtype)
    times = []
    for _ in range(5):
        started = _now(device)
        left @ left
        times.append(_now(device) - started)
    return 2 * size**3 / min(times)


def _print_speed(
    name: str, listener: Listener, sources: list, device: torch.device, rate: float, runs: int
) -> None:
    operations = _count_operations(listener, sources[0])
    list(listener._compute(sources[:2], device))
    times = []
    for _ in range(runs):
        started = _now(device)
        list(listener._compute(sources, device))
        times.append(_now(device) - started)
    speed, floor = len(sources) / np.median(times), rate / operations
    figures = f"{speed:7.2f}   {operations / 1e9:12.1f}   {floor:14.2f}   {speed / floor:12.0%}"
    print(f"{name:24} {figures}", flush=True)


def _count_operations(listener: Listener, source: object) -> int:
    samples, _ = listener._load(source)
    inputs = listener._inputs(torch.from_numpy(samples))
    with FlopCounterMode(display=False) as counter, kept_memory(), torch.no_grad():
        listener._hear(listener.network, [inputs])
    return counter.get_total_flops()


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


if __name__ == "__main__":
    main()
