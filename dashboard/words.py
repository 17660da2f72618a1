"""What the engine's short names mean, in the words of a page. No Streamlit."""

from collections.abc import Mapping, Sequence
from typing import Any

from bir_core import report_words

groups = report_words.groups
images = report_words.images
is_cross_fitted = report_words.is_cross_fitted
is_known = report_words.is_known
judged = report_words.judged
part = report_words.part

UNTRAINED = "Retraining is not among the models: it would train the base model anew in each fold."
"""What a cross-fitted page says beside its models."""

CORRUPTIONS = {
    "none": "Nothing was corrupted on purpose.",
    "label": "got a wrong label on purpose",
    "input": "were covered with noise on purpose",
    "adv": "were attacked on purpose so that the model misreads them",
    "human": "got a wrong label from people",
    "given": "have another true label than the given one",
}
HARMS = {
    "none": "None",
    "label": "Wrong labels",
    "input": "Noisy images",
    "adv": "Attacked images",
    "human": "Labels that people gave",
}
"""The corruptions, as a form calls them."""
PRESETS = {
    "memorised": "until it had memorised them, wrong ones included, as in the paper",
    "early_stop": "with early stopping, as one would in practice",
    "trained": "before it came here, and is taken as it is",
}
NETWORKS = {
    "lenet": "LeNet",
    "conv4": "Conv4",
    "resnet20": "ResNet-20",
    "resnet50": "ResNet-50",
    "resnet50-64": "ResNet-50 at 64 pixels",
}
ORIGINS = {
    "torchvision": "torchvision",
    "timm": "timm",
    "factory": "a factory of your own",
    "export": "an exported program",
}
SOURCES = {
    "mnist5k": "handwritten digits (bundled MNIST)",
    "mnist": "handwritten digits (full MNIST)",
    "fashion_mnist": "pictures of clothes (Fashion-MNIST)",
    "cifar10": "small photographs (CIFAR-10)",
}


def network(name: str) -> str:
    """A network for Markdown: a built-in one by its usual name, another with where it comes from."""
    origin, colon, rest = name.partition(":")
    return (
        NETWORKS[name] if name in NETWORKS else plain(f"{rest} from {ORIGINS.get(origin, origin)}" if colon else name)
    )


def source(report: Mapping[str, Any]) -> str:
    """What the model was trained on, in the middle of a sentence."""
    named = report_words.source(report)
    return SOURCES.get(named, f"images ({named})" if named.startswith("image set") else named)


def listed(names: Sequence[str]) -> str:
    """The names as a sentence lists them."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def harm(report: Mapping[str, Any], *, marked: bool = True) -> str:
    """What was done to the training samples, as a sentence; class names stand in Markdown unless told otherwise."""
    data = report["data"]
    if not is_known(report):
        return f"{report_words.UNKNOWN}."
    if not data["num_corrupted"]:
        return CORRUPTIONS["none"]
    names = [data["class_names"][label] for label in data["noisy_classes"]]
    classes = listed([plain(name) for name in names] if marked else names)
    where = f" of them, from the classes {classes}," if names else " of them"
    return f"{data['num_corrupted']:,}{where} {CORRUPTIONS[data['corruption']]}."


def accuracy(report: Mapping[str, Any]) -> str:
    """What a chart draws."""
    return "Cross-fitted accuracy" if is_cross_fitted(report) else "Accuracy"


def accuracy_on(report: Mapping[str, Any]) -> str:
    """What a chart draws, and of which images."""
    return f"{accuracy(report)} on {images(report)}"


def noisy(report: Mapping[str, Any], *, marked: bool = True) -> str:
    """Where the noisy classes come from when nobody knows them, as a sentence; empty where they are known."""
    data = report["data"]
    names = [data["class_names"][label] for label in data["noisy_classes"]]
    return report_words.noisy(report, [plain(name) for name in names] if marked else names)


def measured(found: Mapping[str, Any]) -> str:
    """How often the flags above a threshold were right, as reviewers measured it, in a sentence or two.

    Args:
        found: ``num`` flags, how many were ``reviewed`` and ``confirmed``, and ``interval`` (95 %, in 0..1).
    """
    if not found["num"]:
        return "No sample is flagged."
    if not found["reviewed"]:
        return "No flag has been judged by a reviewer yet, so nobody can say how many are right."
    return (
        f"Reviewers judged {found['reviewed']:,} of the {found['num']:,} flags and found {share(found)} of these right "
        f"(95 % interval {bounds(found)} if they were chosen blindly)."
    )


def share(found: Mapping[str, Any]) -> str:
    """The measured precision; of flags that somebody has judged."""
    return f"{100 * found['confirmed'] / found['reviewed']:.0f} %"


def bounds(found: Mapping[str, Any]) -> str:
    """The interval of ``share``."""
    low, high = found["interval"]
    return f"{100 * low:.0f} to {100 * high:.0f} %"


def plain(text: str) -> str:
    """Text that Markdown shows as it is, with nothing in it taken for markup."""
    return "".join(f"\\{character}" if character in MARKUP else character for character in text)


MARKUP = frozenset("\\`*_{}[]()<>#+-.!|~$:")
