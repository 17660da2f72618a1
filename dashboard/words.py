"""What the engine's short names mean, in the words of a page. No Streamlit."""

from collections.abc import Mapping, Sequence
from typing import Any

CORRUPTIONS = {
    "none": "Nothing was corrupted on purpose.",
    "label": "got a wrong label on purpose",
    "input": "were covered with noise on purpose",
    "adv": "were attacked on purpose so that the model misreads them",
    "human": "got a wrong label from people",
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


def listed(names: Sequence[str]) -> str:
    """The names as a sentence lists them."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def harm(report: Mapping[str, Any], *, marked: bool = True) -> str:
    """What was done to the training samples, as a sentence; class names stand in Markdown unless told otherwise."""
    data = report["data"]
    if not data["num_corrupted"]:
        return CORRUPTIONS["none"]
    names = [data["class_names"][label] for label in data["noisy_classes"]]
    classes = listed([plain(name) for name in names] if marked else names)
    where = f" of them, from the classes {classes}," if names else " of them"
    return f"{data['num_corrupted']:,}{where} {CORRUPTIONS[data['corruption']]}."


def plain(text: str) -> str:
    """Text that Markdown shows as it is, with nothing in it taken for markup."""
    return "".join(f"\\{character}" if character in MARKUP else character for character in text)


MARKUP = frozenset("\\`*_{}[]()<>#+-.!|~$:")
