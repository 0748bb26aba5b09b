"""The model that comes with the library, on tracks that it never knew.

    python benchmarks/shipped_model.py TABLE_OF_TEST_TRACKS PATH_TO_GTZAN

Its choices were made on the training list alone (``tools/train_shipped_model.py``). Here is the
test list of the fault-filtered split, 290 tracks by other artists: by the tag probabilities that
the published MusiCNN gives (musicnn_taggrams_test.npz: a row for each patch of three seconds), and
then by the sound of those tracks that PATH_TO_GTZAN holds, through this library's own decoding
and resampling, side by side with the table on the same tracks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from _shared import describe_machine

from genreclass import load_pretrained
from genreclass.datasets import gtzan_artists, load_gtzan
from genreclass.evaluation import GenreReport


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, metavar="TABLE", help="musicnn_taggrams_test.npz")
    parser.add_argument("root", metavar="PATH_TO_GTZAN", help="a copy of GTZAN, whole or partial")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load_pretrained("gtzan").set_params(device=arguments.device)
    print("GTZAN, fault-filtered split, ten genres: the model that comes with the library")
    print(describe_machine(threads=arguments.threads, device=arguments.device))

    with np.load(arguments.table, allow_pickle=False) as table:
        patches, clips = table["X"].astype(np.float64), table["IDS"]
    names = sorted({Path(clip).stem for clip in clips.tolist()})
    rows = np.array([Path(clip).stem for clip in clips.tolist()])
    embeddings = np.stack([patches[rows == name].mean(axis=0) for name in names])
    with torch.inference_mode():
        scores = model.network_(torch.from_numpy(embeddings).float()).double()
    by_table = dict(zip(names, scores.softmax(dim=1).numpy(), strict=True))

    print("\nBy the published tag probabilities")
    proba = np.stack([by_table[name] for name in names])
    print(_report(names, proba, model.classes_))
    right = model.classes_[proba.argmax(axis=1)] == [name.partition(".")[0] for name in names]
    print("\nAnswered only from a probability on")
    for threshold in (0.5, 0.6, 0.8):
        answered = proba.max(axis=1) >= threshold
        share, rightly = answered.mean(), right[answered].mean()
        print(f"{threshold:.1f}: {share:.0%} of the tracks, {rightly:.1%} of these rightly")

    test = load_gtzan(arguments.root, split="test")
    heard = [Path(path).stem for path in test.data]
    by_sound = model.predict_proba(test.data)
    same = np.stack([by_table[name] for name in heard])
    print(f"\nThe {len(heard)} of these tracks that are at hand, by table and by sound")
    for what, proba in (("table", same), ("sound", by_sound)):
        report = _report(heard, proba, model.classes_)
        low, high = report.calibration_error_if_calibrated
        print(
            f"{what}: accuracy {report.accuracy:.1%} ({report.interval[0]:.1%} to "
            f"{report.interval[1]:.1%}), log loss {report.log_loss:.3f}, calibration error "
            f"{report.calibration_error:.3f} ({low:.3f} to {high:.3f} if perfectly calibrated)"
        )
    agree = same.argmax(axis=1) == by_sound.argmax(axis=1)
    shift = np.abs(same - by_sound).max(axis=1)
    print(
        f"{agree.sum()} of {len(agree)} answers are the same; a probability moves by "
        f"{np.median(shift):.3f} in the median track, by {shift.max():.3f} at most"
    )


def _report(names: list[str], proba: np.ndarray, classes: np.ndarray) -> GenreReport:
    artists = gtzan_artists()
    return GenreReport.from_predictions(
        np.array([name.partition(".")[0] for name in names]),
        classes[proba.argmax(axis=1)],
        proba=proba,
        classes=classes,
        clips=names,
        groups=[artists.get(name, f"of {name}") for name in names],
    )


if __name__ == "__main__":
    main()
