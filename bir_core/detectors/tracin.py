"""TracInCP by captum: last-layer gradients that agree with the reserved set, over checkpoints (Pruthi et al. 2020)."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import TensorDataset

from bir_core import base, seeding
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.errors import InputError
from bir_core.models import layers as layer_groups
from bir_core.models import networks

NUM_CHECKPOINTS = 6  # the paper takes a few, evenly spread; each costs a pass over all data
BATCH_SIZE = 500


def detect(evidence: Evidence) -> Detected:
    """h_i = minus the mean over the reserved set of sum_t lr <g_i(theta_t), g_r(theta_t)>, g of the last linear layer.

    The checkpoints theta_t are those of the base recipe, run again from the base model's own seed, up to the epoch
    that it keeps. Facts: their epochs.

    Raises:
        InputError: the network has no linear layer, which captum's closed form of these gradients is for.
        StageFailed: the retraining diverged.
    """
    if layer_groups.last_of(networks.restore(evidence.base, evidence.device), nn.Linear) is None:
        raise InputError(
            f"tracin compares gradients of the last linear layer, and {evidence.base.network} has none: take a "
            "detector that reads other gradients, such as linear_influence, ekfac or trak"
        )
    with tempfile.TemporaryDirectory(prefix="bir-tracin-") as folder:
        epochs = spread(_retrain(evidence, Path(folder)))
        agreement = _agreement(evidence, [str(_path(Path(folder), epoch)) for epoch in epochs])
    return Detected(scores=-agreement.double().mean(0).cpu().numpy(), facts={"checkpoints": epochs})


def _path(folder: Path, epoch: int) -> Path:
    return folder / f"{epoch}.safetensors"


def _retrain(evidence: Evidence, folder: Path) -> int:
    """The base recipe with every epoch's weights in ``folder``; the epoch that it keeps."""
    model = base.train_base(
        evidence.train,
        evidence.validation,
        evidence.base.num_classes,
        evidence.config.base,
        seed=seeding.derive(evidence.config.seed, "base"),
        device=evidence.device,
        progress=evidence.progress,
        after_epoch=lambda epoch, network: save_file(network.state_dict(), _path(folder, epoch)),
    )
    return model.kept_epoch


def spread(last: int) -> list[int]:
    """At most NUM_CHECKPOINTS epochs in 1..last, evenly spread, the last among them."""
    wanted = np.linspace(last / NUM_CHECKPOINTS, last, NUM_CHECKPOINTS).round().astype(int)
    return sorted({max(1, int(epoch)) for epoch in wanted})


def _agreement(evidence: Evidence, checkpoints: list[str]) -> torch.Tensor:
    """(R, N) influence of every training sample on every reserved one; positive = helps."""
    from captum.influence import TracInCPFast

    network = networks.restore(evidence.base, evidence.device).eval()
    train, reserved = (
        (torch.tensor(part.images, device=evidence.device), torch.tensor(part.labels, device=evidence.device))
        for part in (evidence.train, evidence.reserved)
    )

    def load(model: nn.Module, path: str) -> float:
        model.load_state_dict(load_file(path, device=str(evidence.device)))
        return evidence.config.base.learning_rate

    # captum's data loader draws from torch's global generator, which is not ours to move; no score depends on it.
    with torch.random.fork_rng(devices=[]):
        tracin = TracInCPFast(
            network,
            layer_groups.last_of(network, nn.Linear),
            TensorDataset(*train),
            checkpoints,
            checkpoints_load_func=load,
            loss_fn=nn.CrossEntropyLoss(reduction="sum"),
            batch_size=BATCH_SIZE,
        )
        influence: torch.Tensor = tracin.influence(reserved)
    return influence
