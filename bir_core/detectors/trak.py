"""Influence in a random projection of the gradients, by traker, with the base model alone (Park et al. 2023)."""

import logging
import math
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from bir_core import seeding
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.errors import InputError
from bir_core.models import networks
from bir_core.records import Doubles, LabelledImages, Progress

GRADIENT_VALUES = 2**25  # most numbers in one batch of per-sample gradients
BATCH_SIZE = 250
BLOCK_SIZE = 100  # columns of the projection that are drawn at once


def detect(evidence: Evidence) -> Detected:
    """h_i = minus the mean over the reserved set of TRAK's score of sample i, with one model.

    The score is phi_r^T (Phi^T Phi)^-1 phi_i (1 - p_i), phi a normal projection of the gradient of the label's
    log-odds. Facts: the dimensions of the projection and the number of models.

    Raises:
        InputError: the projection has more dimensions than there are training samples or parameters, so that
            Phi^T Phi cannot be inverted.
    """
    network = networks.restore(evidence.base, evidence.device).eval()
    num_parameters = sum(value.numel() for value in network.parameters())
    dimensions = evidence.config.methods.trak.projection
    _refuse_singular(dimensions, len(evidence.train), num_parameters)
    with tempfile.TemporaryDirectory(prefix="bir-trak-") as folder:
        helps = _influence(evidence, network, dimensions, folder)
    return Detected(scores=-helps, facts={"projection": dimensions, "models": 1})


def _refuse_singular(dimensions: int, num_samples: int, num_parameters: int) -> None:
    most = min(num_samples, num_parameters)
    if dimensions > most:
        raise InputError(
            f"methods.trak.projection={dimensions} is more than {num_samples} samples and {num_parameters} parameters "
            f"can span: use at most {most}"
        )


def _influence(evidence: Evidence, network: nn.Sequential, dimensions: int, folder: str) -> Doubles:
    """(N,) mean influence of every training sample on the reserved set; positive = helps."""
    from trak import TRAKer
    from trak.projectors import BasicProjector, ProjectionType

    num_parameters = sum(value.numel() for value in network.parameters())
    rows = max(1, min(BATCH_SIZE, GRADIENT_VALUES // num_parameters))
    num_train, num_reserved = len(evidence.train), len(evidence.reserved)
    # traker adds to the seed, so it must leave room below 2^63. Its own generator is the only one that it draws from.
    projector = BasicProjector(
        grad_dim=num_parameters,
        proj_dim=dimensions,
        seed=seeding.derive(evidence.seed, "projection") % 2**31,
        proj_type=ProjectionType.normal,
        device=evidence.device,
        # A single block is freed after the training samples and missed for the reserved ones (traker 0.3.2).
        block_size=min(BLOCK_SIZE, math.ceil(dimensions / 2)),
    )
    traker = TRAKer(
        network,
        "image_classification",
        num_train,
        save_dir=folder,
        device=str(evidence.device),
        projector=projector,
        proj_dim=dimensions,
        logging_level=logging.ERROR,
        use_half_precision=False,
    )
    weights = network.state_dict()
    traker.load_checkpoint(weights, model_id=0)
    total = num_train + num_reserved
    _feed(traker.featurize, evidence.train, rows, evidence.device, lambda done, _: evidence.progress(done, total))
    traker.finalize_features()
    traker.start_scoring_checkpoint("reserved", weights, model_id=0, num_targets=num_reserved)
    _feed(
        traker.score,
        evidence.reserved,
        rows,
        evidence.device,
        lambda done, _: evidence.progress(num_train + done, total),
    )
    helps: Doubles = np.asarray(traker.finalize_scores("reserved"), dtype=np.float64).mean(axis=1)
    return helps


def _feed(take: Callable[..., Any], part: LabelledImages, rows: int, device: torch.device, progress: Progress) -> None:
    for start in range(0, len(part), rows):
        images = torch.tensor(part.images[start : start + rows], device=device)
        labels = torch.tensor(part.labels[start : start + rows], device=device)
        take(batch=(images, labels), num_samples=len(labels))
        progress(start + len(labels), len(part))
