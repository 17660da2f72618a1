"""Nearest neighbours, exact and in parts, so that never more than a few rows of distances are held.

Shapes: N training samples, Q queries, d features. Distances are Euclidean; equal ones are ordered by index.
"""

from collections.abc import Iterator

import numpy as np
import torch

from bir_core.records import Doubles, Flags, Floats, Integers, Progress, no_progress

DISTANCES_HELD = 2_000_000
"""So many distances at a time: with their order and what is summed over it, some 100 MB."""


def disagreement(features: Floats, labels: Integers, count: int, *, progress: Progress = no_progress) -> Doubles:
    """(N,) share in 0..1 of each sample's ``count`` nearest others that have another label; higher = more suspect.

    Deep k-NN (Bahri, Jiang, Gupta 2020), in its plain form: every neighbour has one vote.

    Args:
        features: (N, d).
        labels: (N,) the given labels.
        count: how many neighbours, at most N - 1.
        progress: told (samples done, N).
    """
    shares = np.empty(len(features), dtype=np.float64)
    for rows, distances in _distances(features, features, progress):
        distances[np.arange(len(distances)), np.arange(rows.start, rows.stop)] = np.inf
        others = labels[None, :] != labels[rows, None]
        shares[rows] = (_nearest(distances, count) & others).sum(axis=1) / count
    return shares


def shapley_values(
    train: tuple[Floats, Integers],
    queries: tuple[Floats, Integers],
    count: int,
    *,
    progress: Progress = no_progress,
) -> Doubles:
    """(N,) exact Shapley value of every training sample for a nearest-neighbour classifier; *lower* = more suspect.

    The game's worth of a set S for one query is the number of its right votes among its ``min(count, |S|)`` nearest
    members, over ``count``; the value is the mean over the queries (Jia et al. 2019, theorem 1). From the farthest to
    the nearest, with m_i = 1 where the i-th nearest has the query's label:

        s_N = m_N / N;    s_i = s_{i+1} + (m_i - m_{i+1}) / count * min(count, i) / i

    Args:
        train: (N, d) features and (N,) given labels.
        queries: (Q, d) features and (Q,) labels that can be trusted.
        count: how many neighbours vote, at most N.
        progress: told (queries done, Q).
    """
    (features, labels), (wanted, truth) = train, queries
    num = len(features)
    rank = np.arange(1, num)
    weight = np.minimum(count, rank) / (rank * count)
    total = np.zeros(num)
    for rows, distances in _distances(wanted, features, progress):
        order = np.argsort(distances, axis=1, kind="stable")
        right = (labels[order] == truth[rows, None]).astype(np.float64)
        steps = np.concatenate([(right[:, :-1] - right[:, 1:]) * weight, right[:, -1:] / num], axis=1)
        by_rank = np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
        by_sample = np.empty_like(by_rank)
        np.put_along_axis(by_sample, order, by_rank, axis=1)
        total += by_sample.sum(axis=0)
    return total / len(wanted)


def _distances(queries: Floats, others: Floats, progress: Progress) -> Iterator[tuple[slice, Floats]]:
    """Rows of the (Q, N) distances. Taken from differences, so equal points are equally far, whatever the part."""
    size = max(1, DISTANCES_HELD // max(1, len(others)))
    points = torch.tensor(others)
    for start in range(0, len(queries), size):
        rows = slice(start, min(start + size, len(queries)))
        part = torch.tensor(queries[rows])
        yield rows, torch.cdist(part, points, compute_mode="donot_use_mm_for_euclid_dist").numpy()
        progress(rows.stop, len(queries))


def _nearest(distances: Floats, count: int) -> Flags:
    """(Q, N) flags of the ``count`` smallest of each row, without sorting it."""
    last = np.partition(distances, count - 1, axis=1)[:, count - 1 : count]
    nearer, level = distances < last, distances == last
    vacant = count - nearer.sum(axis=1, keepdims=True)
    first: Flags = level & (np.cumsum(level, axis=1) <= vacant)
    return nearer | first
