"""A picture of a crop and of what Augmentation makes of it, for the page on augmentation."""

import matplotlib.pyplot as plt
import torch

from genreclass import Augmentation, MelSpectrogram
from genreclass.datasets import load_demo
from genreclass.training import Augmenter

FRAMES = 129  # three seconds
SHOWN = {
    "as it is": {},
    "tempo, a tenth faster": {"time_stretch_p": 1.0, "time_stretch": (1.1, 1.1)},
    "pitch, two semitones up": {"pitch_shift_p": 1.0, "pitch_shift": (2.0, 2.0)},
    "noise, 10 dB below": {"noise_p": 1.0, "noise": (10.0, 10.0)},
    "equalizer": {"equalizer_p": 1.0},
    "masks": {"time_mask_p": 1.0, "frequency_mask_p": 1.0},
    "mixup with another": {"mixup_p": 1.0, "mixup": 100.0},
    "all, as drawn in training": None,
}


def main() -> None:
    """Draw the figure."""
    clips = load_demo()
    mel = MelSpectrogram(duration=4.0)
    first, other = clips.target == "rock", clips.target == "electronic"
    chosen = [clips.data[first.nonzero()[0][0]], clips.data[other.nonzero()[0][0]]]
    spectra = torch.from_numpy(mel.transform(chosen))
    average = (spectra - spectra.mean(dim=(1, 2), keepdim=True)).mean(dim=(0, 2))
    figure, axes = plt.subplots(2, 4, figsize=(11, 5), sharex=True, sharey=True)
    for axis, (title, changes) in zip(axes.flat, SHOWN.items(), strict=True):
        augmentation = Augmentation() if changes is None else Augmentation(p=0, **changes)
        augmenter = Augmenter(
            augmentation,
            mel=mel,
            n_frames=FRAMES,
            row_mean=average,
            n_classes=2,
            device=torch.device("cpu"),
        )
        generator = torch.Generator().manual_seed(9)
        picture = augmenter(spectra, torch.arange(2), generator)[0][0]
        picture = picture - picture.mean()
        axis.imshow(picture, origin="lower", aspect="auto", vmin=-45, vmax=35, cmap="magma")
        axis.set_title(title, fontsize=10)
    for axis in axes[:, 0]:
        axis.set_ylabel("mel row")
    for axis in axes[-1]:
        axis.set_xlabel("frame")
    figure.tight_layout()


main()
