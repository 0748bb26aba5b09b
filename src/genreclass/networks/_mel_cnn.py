"""The convolutional network on mel spectrograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from genreclass.networks._build import load_weights
from genreclass.networks._dropout import Dropout

__all__ = ["MelCNN"]


class MelCNN(nn.Module):
    """Convolutions, each with batch norm, pooling and ReLU; global pooling; a linear layer.

    Parameters
    ----------
    n_rows : int
        Rows of a spectrogram: mel bands, and other rows on their scale.
    n_classes : int
        Number of genres.
    channels : sequence of int
        Output channels of each convolution layer; their number is the depth.
    dropout : float
        Probability of dropping an element of the embedding in training.
    generator : torch.Generator or None
        Source of the initial weights, on the CPU; None takes no memory for them yet (see
        `from_weights`).

    Attributes
    ----------
    n_embedding : int
        Length of an embedding.
    config : dict
        The arguments that build the same network again.

    Notes
    -----
    Each picture is moved to a mean of 0 decibels first: how loud a recording is, its transfer
    decided and not its genre. Then rows are standardised, by the buffers `row_mean` and
    `row_scale`, which `set_input_statistics` takes from the training data. A convolution, and a
    mean over rows after it, cannot tell high from low, so the height of each row is a second
    input channel (CoordConv, Liu et al. 2018). Global pooling is the mean and the maximum over
    rows and frames, so pictures may have any width; what a short event shows, only the maximum
    keeps.
    """

    row_mean: torch.Tensor
    row_scale: torch.Tensor
    row_position: torch.Tensor

    def __init__(
        self,
        n_rows: int,
        n_classes: int,
        *,
        channels: Sequence[int],
        dropout: float,
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        self.n_embedding = 2 * channels[-1]  # means, then maxima
        self.config = {
            "n_rows": n_rows,
            "n_classes": n_classes,
            "channels": tuple(channels),
            "dropout": dropout,
        }
        # Built without memory first: torch's own initialisation would draw from (and advance)
        # the global generator.
        with torch.device("meta"):
            self.blocks = nn.Sequential(
                *(
                    _convolution_block(n_in, n_out)
                    for n_in, n_out in zip((2, *channels), channels, strict=False)
                )
            )
            self.dropout = Dropout(dropout)
            self.output = nn.Linear(self.n_embedding, n_classes)
            self.register_buffer("row_mean", torch.zeros(n_rows))
            self.register_buffer("row_scale", torch.ones(n_rows))
            self.register_buffer("row_position", torch.zeros(n_rows))
        if generator is not None:
            self.to_empty(device="cpu")
            self._initialise(generator)
            self._prefer_channels_last()

    @classmethod
    def from_weights(cls, config: dict[str, Any], weights: dict[str, torch.Tensor]) -> MelCNN:
        """Build the network that has this `config` and these weights, in evaluation mode.

        Raises
        ------
        RuntimeError
            The weights are not those of such a network. No memory was taken for it.
        """
        network = load_weights(cls(**config, generator=None), weights)
        network._prefer_channels_last()
        return network

    def set_input_statistics(self, mean: torch.Tensor, spread: torch.Tensor) -> None:
        """Standardise rows by these from now on: (n_rows,), (n_rows,), of pictures of mean 0."""
        self.row_mean.copy_(mean)
        self.row_scale.copy_(torch.where(spread > 0, spread, torch.ones_like(spread)))

    def embed(self, spectra: torch.Tensor) -> torch.Tensor:
        """What the last layer sees."""
        # (batch, n_rows, n_frames) -> (batch, 2 * channels[-1])
        picture = spectra - spectra.mean(dim=(1, 2), keepdim=True)
        picture = (picture - self.row_mean[:, None]) / self.row_scale[:, None]
        height = self.row_position[:, None].expand_as(picture)
        x = torch.stack([picture, height], dim=1).contiguous(memory_format=torch.channels_last)
        x = self.blocks(x).float()  # a mean wants more digits than mixed precision has
        return torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)

    def classify(self, embedding: torch.Tensor) -> torch.Tensor:
        """Scores from embeddings."""  # (batch, 2 * channels[-1]) -> (batch, n_classes)
        return self.output(self.dropout(embedding))

    def forward(self, spectra: torch.Tensor) -> torch.Tensor:
        # (batch, n_rows, n_frames) -> (batch, n_classes)
        return self.classify(self.embed(spectra))

    def _initialise(self, generator: torch.Generator) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # He et al. 2015
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            elif isinstance(module, nn.Linear):
                bound = module.in_features**-0.5
                nn.init.uniform_(module.weight, -bound, bound, generator=generator)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
        self.row_mean.zero_()
        self.row_scale.fill_(1.0)
        # From low to high, of mean 0 and variance 1 as the standardised picture is.
        n_rows = len(self.row_position)
        self.row_position.copy_(torch.linspace(-(3**0.5), 3**0.5, n_rows))

    def _prefer_channels_last(self) -> None:
        """Order the weights in memory as CPUs and tensor cores like them."""
        self.blocks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _convolution_block(n_in: int, n_out: int) -> nn.Sequential:
    # (batch, n_in, rows, frames) -> (batch, n_out, ceil(rows / 2), ceil(frames / 2))
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.MaxPool2d(2, ceil_mode=True),  # a picture of one row or frame keeps it, at any depth
        nn.ReLU(),  # of what is left: the larger of two is the same before and after
    )
