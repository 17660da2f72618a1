"""Deep k-NN: whose neighbours in feature space have another label (Bahri, Jiang, Gupta 2020)."""

from bir_core import embedding
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.errors import InputError
from bir_core.models import networks
from bir_core.numerics import neighbours


def detect(evidence: Evidence) -> Detected:
    """h_i = share of the nearest training samples, in the base model's last features, with another label; 0..1.

    Raises:
        InputError: more neighbours are wanted than there are other training samples.
    """
    count, others = evidence.config.methods.deep_knn.num_neighbours, len(evidence.train) - 1
    if count > others:
        raise InputError(
            f"methods.deep_knn.num_neighbours is {count}, but a sample has only {others} others around it: lower it"
        )
    network = networks.restore(evidence.base, evidence.device).eval()
    features = embedding.features(network, evidence.train.images, batch_size=500)
    shares = neighbours.disagreement(features, evidence.train.labels, count, progress=evidence.progress)
    return Detected(scores=shares, facts={"num_neighbours": count})
