"""A small run to interrupt."""

import numpy as np
import pytest
import torch

from genreclass.networks import MelCNN
from genreclass.training import SpectrogramCrops, TrainingPlan, TrainingState, WindowedValidation

CPU = torch.device("cpu")


class SmallRun:
    """Eleven spectrograms of two kinds, three batches an epoch, validated on themselves."""

    def __init__(self):
        generator = np.random.default_rng(0)
        targets = np.arange(11) % 2
        spectra = generator.normal(size=(11, 8, 24)).astype(np.float32)
        spectra[targets == 1, :4] += 2
        spectra = torch.from_numpy(spectra)
        self.examples = SpectrogramCrops(spectra, targets, crop_frames=8, device=CPU)
        self.validate = WindowedValidation(spectra, targets, crop_frames=8)

    def start(self, seed=0, **changes):
        plan = {
            "max_epochs": 4,
            "batch_size": 4,
            "learning_rate": 1e-2,
            "weight_decay": 1e-2,
            "schedule": "onecycle",
            "patience": 3,
        }
        generator = torch.Generator().manual_seed(seed)
        network = MelCNN(8, 2, channels=(4, 8), dropout=0.5, generator=generator)
        network.set_input_statistics(*self.examples.row_statistics())
        plan = TrainingPlan(**{**plan, **changes})
        return TrainingState(network, plan, n_examples=len(self.examples), seed=seed)


@pytest.fixture
def small_run():
    return SmallRun()
