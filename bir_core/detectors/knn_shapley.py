"""KNN-Shapley: what each sample is worth to a nearest-neighbour classifier of the reserved set (Jia et al. 2019)."""

from bir_core import embedding
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.errors import InputError
from bir_core.models import networks
from bir_core.numerics import neighbours


def detect(evidence: Evidence) -> Detected:
    """h_i = minus the exact Shapley value, in the base model's last features, with the reserved set as queries.

    Raises:
        InputError: more neighbours are wanted than there are training samples.
    """
    count, train, reserved = evidence.config.methods.knn_shapley.num_neighbours, evidence.train, evidence.reserved
    if count > len(train):
        raise InputError(
            f"methods.knn_shapley.num_neighbours is {count}, but there are only {len(train)} training samples: lower it"
        )
    network = networks.restore(evidence.base, evidence.device).eval()
    ours, theirs = (embedding.features(network, part.images, batch_size=500) for part in (train, reserved))
    values = neighbours.shapley_values(
        (ours, train.labels), (theirs, reserved.labels), count, progress=evidence.progress
    )
    return Detected(scores=-values, facts={"num_neighbours": count})
