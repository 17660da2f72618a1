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
from bir_core.records import Doubles, LabelledImages

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
    traker, weights = _traker(evidence, network, dimensions, folder), network.state_dict()
    num_train, num_reserved = len(evidence.train), len(evidence.reserved)

    def feed(take: Callable[..., Any], part: LabelledImages, before: int) -> None:
        rows = max(1, min(BATCH_SIZE, GRADIENT_VALUES // traker.num_params))
        for start in range(0, len(part), rows):
            images = torch.tensor(part.images[start : start + rows], device=evidence.device)
            labels = torch.tensor(part.labels[start : start + rows], device=evidence.device)
            take(batch=(images, labels), num_samples=len(labels))
            evidence.progress(before + start + len(labels), num_train + num_reserved)

    traker.load_checkpoint(weights, model_id=0)
    feed(traker.featurize, evidence.train, 0)
    traker.finalize_features()
    traker.start_scoring_checkpoint("reserved", weights, model_id=0, num_targets=num_reserved)
    feed(traker.score, evidence.reserved, num_train)
    helps: Doubles = np.asarray(traker.finalize_scores("reserved"), dtype=np.float64).mean(axis=1)
    return helps


def _traker(evidence: Evidence, network: nn.Sequential, dimensions: int, folder: str) -> Any:
    """traker, with all that it keeps in ``folder``. It draws from its projector's own generator alone."""
    from trak import TRAKer
    from trak.projectors import BasicProjector, ProjectionType

    projector = BasicProjector(
        grad_dim=sum(value.numel() for value in network.parameters()),
        proj_dim=dimensions,
        # traker adds to the seed, which must stay below 2^63.
        seed=seeding.derive(evidence.seed, "projection") % 2**31,
        proj_type=ProjectionType.normal,
        device=evidence.device,
        # A single block is freed after the training samples and missed for the reserved ones (traker 0.3.2).
        block_size=min(BLOCK_SIZE, math.ceil(dimensions / 2)),
    )
    return TRAKer(
        network,
        "image_classification",
        len(evidence.train),
        save_dir=folder,
        device=str(evidence.device),
        projector=projector,
        logging_level=logging.ERROR,
        use_half_precision=False,
    )
