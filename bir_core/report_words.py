"""What every reader of a report must be told, in the same words everywhere: what accuracies are of, what is known.

No torch here. Reports of before these facts were written are of test images and of a known truth.
"""

from collections.abc import Mapping, Sequence
from typing import Any

PARTS = {"test": "test images", "reserved": "reserved images"}

UNKNOWN = "Nobody knows which samples are wrong"

MOST_NAMED = 12
"""Classes that a sentence names one by one."""


def is_cross_fitted(report: Mapping[str, Any]) -> bool:
    """Whether its accuracies are of reserved images, for lack of test images."""
    return part(report) == "reserved"


def part(report: Mapping[str, Any]) -> str:
    """The part of the data that accuracies are of, "test" or "reserved"."""
    found: str = report.get("evaluation", {"part": "test"})["part"]
    return found


def images(report: Mapping[str, Any]) -> str:
    """What accuracies are of, in the middle of a sentence."""
    return PARTS[part(report)]


def groups(report: Mapping[str, Any]) -> dict[str, str]:
    """Titles of the groups of images."""
    return {"all": f"All {images(report)}", "clean": "Clean classes", "noisy": "Noisy classes"}


def judged(report: Mapping[str, Any]) -> str:
    """On what accuracies are, as a sentence."""
    if not is_cross_fitted(report):
        return "Accuracies are on test images that no stage has touched."
    facts = report["evaluation"]
    return (
        f"There are no test images, so accuracies are cross-fitted on the {facts['num']:,} reserved images: in "
        f"{facts['num_folds']} folds, each image is judged by models that were made without it."
    )


def source(report: Mapping[str, Any]) -> str:
    """Where the images come from: a data set by name, or the name that somebody has imported them under."""
    found: str = report["data"]["source"]
    return f"image set {report['config']['data']['images']}" if found == "own" else found


def is_known(report: Mapping[str, Any]) -> bool:
    """Whether somebody knows which samples are wrong, or that none is."""
    return bool(report["data"].get("truth_known", True))


def noisy(report: Mapping[str, Any], names: Sequence[str]) -> str:
    """Where the noisy classes come from where they are not known, as a sentence; empty where they are.

    Args:
        report: the report.
        names: of the noisy classes, as they are shown here.
    """
    origin = report["data"].get("noisy_classes_origin", "known")
    if origin == "known":
        return ""
    listed = _listed(names)
    if origin == "named by the user":
        return f"Noisy classes, as named by the user: {listed}."
    if not names:
        return "No class has a larger share of suspects than the others beyond chance, so none is taken for noisy."
    return (
        f"Noisy classes, ranked by share of suspects: {listed}. Their share lies above that of all samples, beyond "
        "chance."
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
