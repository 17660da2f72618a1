"""Influence with Kronecker-factored, eigenvalue-corrected curvature, by kronfluence (Grosse et al. 2023)."""

import tempfile
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from bir_core import seeding
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.models import networks
from bir_core.records import LabelledImages

GRADIENT_VALUES = 2**25  # most numbers in one batch of per-sample gradients
BATCH_SIZE = 250


def detect(evidence: Evidence) -> Detected:
    """h_i = -g_r^T (F + d I)^-1 g_i, g_r the mean gradient over the reserved set, F the EK-FAC of the true Fisher.

    F is block-diagonal over the linear and convolution layers; the damping d of a layer is 0.1 of its mean eigenvalue,
    a rule that kronfluence documents. The network is in eval mode, so batch norm is part of it but has no block of its
    own.
    """
    # kronfluence's data loaders draw from torch's global generator, which is not ours to move; no score depends on it.
    with tempfile.TemporaryDirectory(prefix="bir-ekfac-") as folder, torch.random.fork_rng(devices=[]):
        helps = _influence(evidence, folder)
    scores = -helps.double().cpu().numpy() / len(evidence.reserved)
    return Detected(scores=scores, facts={"damping": "0.1 of each layer's mean eigenvalue"})


def _influence(evidence: Evidence, folder: str) -> Tensor:
    """(N,) summed influence of every training sample on the reserved set; positive = helps."""
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments, ScoreArguments
    from kronfluence.utils.state import State

    # It only knows CUDA and the CPU, and keeps the first device that a process asked for unless told to forget it.
    State._reset_state()
    on_cpu = evidence.device.type != "cuda"
    task = _task(seeding.derive(evidence.seed, "labels"))
    network = prepare_model(networks.restore(evidence.base, torch.device("cpu")), task)
    batch_size = _rows(network)
    analyzer = Analyzer("ekfac", network, task, cpu=on_cpu, output_dir=folder, disable_tqdm=True)
    train = _dataset(evidence.train)
    analyzer.fit_all_factors(
        "factors", train, per_device_batch_size=batch_size, factor_args=FactorArguments(strategy="ekfac")
    )
    evidence.progress(1, 2)
    analyzer.compute_pairwise_scores(
        "scores",
        "factors",
        query_dataset=_dataset(evidence.reserved),
        train_dataset=train,
        per_device_query_batch_size=batch_size,
        per_device_train_batch_size=batch_size,
        score_args=ScoreArguments(damping_factor=None, aggregate_query_gradients=True),
    )
    evidence.progress(2, 2)
    influence: Tensor = analyzer.load_pairwise_scores("scores")["all_modules"][0]
    return influence


def _task(seed: int) -> Any:
    """What is learned and what is asked: the summed cross-entropy of both. Labels for the Fisher come from ``seed``."""
    from kronfluence.task import Task

    class Classification(Task):  # type: ignore[misc]  # untyped
        generator: torch.Generator | None = None

        def compute_train_loss(self, batch: tuple[Tensor, Tensor], model: nn.Module, sample: bool = False) -> Tensor:
            images, labels = batch
            logits = model(images)
            if sample:
                self.generator = self.generator or torch.Generator(logits.device).manual_seed(seed)
                beliefs = logits.detach().softmax(1)
                labels = torch.multinomial(beliefs, 1, generator=self.generator).squeeze(1)
            return functional.cross_entropy(logits, labels, reduction="sum")

        def compute_measurement(self, batch: tuple[Tensor, Tensor], model: nn.Module) -> Tensor:
            return self.compute_train_loss(batch, model)

    return Classification()


def _dataset(part: LabelledImages) -> TensorDataset:
    return TensorDataset(torch.tensor(part.images), torch.tensor(part.labels))


def _rows(network: nn.Module) -> int:
    """How many per-sample gradients are held at once."""
    return max(1, min(BATCH_SIZE, GRADIENT_VALUES // sum(value.numel() for value in network.parameters())))
