"""How well a score ranks. Numpy and SciPy only."""

from scipy import stats

from bir_core.records import Doubles, Flags


def ranking_auc(scores: Doubles, positives: Flags) -> float | None:
    """Area under the ROC curve, ties by average rank, in 0..1; None when only one kind of sample is there.

    It is the Mann-Whitney statistic over the number of pairs: the chance that a positive scores higher.
    """
    if positives.all() or not positives.any():
        return None
    first, second = scores[positives], scores[~positives]
    return float(stats.mannwhitneyu(first, second, method="asymptotic").statistic) / (len(first) * len(second))
