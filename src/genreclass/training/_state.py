"""Everything that changes while a network trains, as one object."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from genreclass.training._early_stopping import EarlyStopping
from genreclass.training._plan import TrainingPlan

__all__ = ["TrainingState"]


class TrainingState:
    """A training run at one moment: save its `state_dict`, load it, and the run goes on.

    Parameters
    ----------
    network : torch.nn.Module
        On the device it trains on.
    plan : TrainingPlan
        What the run is asked to do.
    n_examples : int
        Training examples an epoch.
    seed : int
        Where data order, crops and dropout start from.

    Attributes
    ----------
    network, optimizer, schedule, early_stopping
        The parts that learn; the last two may be None.
    generator, device_generator : torch.Generator
        Of the data order and crops (CPU), and of dropout (the network's device).
    learning_rate : float
        Of the batch trained last.
    epoch, batch : int
        Finished epochs, and finished batches of the one under way.
    order : Tensor of shape (n_examples,)
        The order of the examples in the epoch under way.
    sums : Tensor of shape (2,)
        Loss and correct answers summed over the examples of the epoch under way; on the device,
        so that no batch waits for it.
    history : list of dict
        One entry a finished epoch.
    """

    def __init__(
        self, network: nn.Module, plan: TrainingPlan, *, n_examples: int, seed: int
    ) -> None:
        self.network = network
        self.plan = plan
        self.seed = seed
        self.device = next(network.parameters()).device
        # The initial weights are drawn from `seed` itself.
        self.generator = torch.Generator().manual_seed(seed + 1)
        self.device_generator = torch.Generator(self.device).manual_seed(seed + 2)
        self.n_batches = -(-n_examples // plan.batch_size)
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
        )
        self.schedule = _make_schedule(self.optimizer, plan, self.n_batches)
        self.early_stopping = None if plan.patience is None else EarlyStopping(plan.patience)
        self.learning_rate = plan.learning_rate
        self.epoch = 0
        self.batch = 0
        self.order = torch.randperm(n_examples, generator=self.generator)
        self.sums = torch.zeros(2, device=self.device)
        self.history: list[dict[str, float]] = []

    @property
    def finished(self) -> bool:
        """Whether there is no epoch left to train."""
        if self.early_stopping is not None and self.early_stopping.should_stop:
            return True
        return self.epoch >= self.plan.max_epochs

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 1, whose weights the run ends with as things stand."""
        return self.epoch if self.early_stopping is None else self.early_stopping.best_epoch

    def state_dict(self) -> dict[str, Any]:
        """All that changes.

        Returns
        -------
        dict
            Of tensors, numbers, strings, None, and dicts, lists and tuples of them. The tensors
            are the run's own: write or copy them before it goes on.
        """
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "early_stopping": (
                None if self.early_stopping is None else self.early_stopping.state_dict()
            ),
            "generator": self.generator.get_state(),
            "device_generator": self.device_generator.get_state(),
            "seed": self.seed,
            "learning_rate": self.learning_rate,
            "epoch": self.epoch,
            "batch": self.batch,
            "order": self.order,
            "sums": self.sums,
            "history": [dict(entry) for entry in self.history],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Become the run whose state this is; of the same plan, data and device type."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        if self.early_stopping is not None:
            self.early_stopping.load_state_dict(state["early_stopping"])
        self.generator.set_state(state["generator"])
        self.device_generator.set_state(state["device_generator"])
        self.seed = state["seed"]
        self.learning_rate = state["learning_rate"]
        self.epoch = state["epoch"]
        self.batch = state["batch"]
        self.order = state["order"].clone()
        self.sums = state["sums"].to(self.device, copy=True)
        self.history = [dict(entry) for entry in state["history"]]


def _make_schedule(
    optimizer: torch.optim.Optimizer, plan: TrainingPlan, n_batches: int
) -> torch.optim.lr_scheduler.LRScheduler | None:
    if plan.schedule == "onecycle":
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, plan.learning_rate, total_steps=plan.max_epochs * n_batches
        )
    if plan.schedule == "plateau":
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=5)
    return None
