"""The paper's Tables 1 to 11, its Figure 2, and a table of our own, as lists of cells with the paper's numbers."""

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.paper.bench import SETS
from benchmarks.paper.layout import Row, Section, Table
from benchmarks.paper.settings import CORRUPTIONS, HUMAN
from bir_core import methods, paper
from bir_core.detectors import linear_influence

ACCURACY = ("all", "clean", "noisy")
LAYERS = ("loss", "auc", "all")
DETECTION = ("auc", "average_precision", "recall_at_k", "num_above_threshold", "seconds", "peak_memory_mb")
RESERVED = ("auc", "all", "clean", "noisy")
COUNTS = ("truth", "0", "log 1.1", "log 1.05", "log 1.01")

METHOD_ROWS = (
    ("base", "treat/none/own"),
    ("sgd", "method/sgd_influence_repair"),
    ("linear", "method/linear_influence_repair"),
    ("ewc", "method/ewc_repair"),
    ("rdia", "method/rdia_repair"),
    ("bir", "method/bir_repair"),
)
METHOD_TITLES = {
    "base": "Base",
    "sgd": "SGD Influence Repair",
    "linear": "Linear Influence Repair",
    "ewc": "EWC Repair",
    "rdia": "RDIA",
    "bir": "BIR",
}
ENHANCED_ROW = Row(title="Enhanced model itself", cell="treat/enhanced/own")
ENHANCED_NOTE = "The last row is not in the paper: the enhanced model with no repair at all."
PAPER_TREATMENTS = ("fine_tune", "newton_removal", "ewc_deletion", "rdia", "bir")
CURVES = ("bir", "ewc_influence", "linear_influence", "sgd_influence")
SUBSETS = ("1", "2", "3", "4", "5", "1-2", "1-3", "1-5")


def find(name: str) -> Table:
    """The table called ``name``, "1" to "11", "figure2" or "methods"."""
    return {
        "1": _named_methods(1, "mnist", ("lenet", "conv4")),
        "2": _named_methods(2, "cifar10", ("resnet20", "resnet50")),
        "3": _human_labels(),
        "4": _treatments(4, "mnist", "lenet"),
        "5": _treatments(5, "cifar10", "resnet50"),
        "6": _layer_subsets(6, "mnist", "lenet"),
        "7": _layer_subsets(7, "cifar10", "resnet20"),
        "8": _counts(),
        "9": _thresholds(9, "mnist", "lenet"),
        "10": _thresholds(10, "cifar10", "resnet50"),
        "11": _reserved_sizes(),
        "figure2": _curves(),
        "methods": _every_method(),
    }[name]


NAMES = (*(str(number) for number in range(1, 12)), "figure2", "methods")


def _sections(
    dataset: str, network: str, metrics: tuple[str, ...], rows: Callable[[str], tuple[Row, ...]]
) -> tuple[Section, ...]:
    """One section per corruption, whose rows are made for it."""
    return tuple(
        Section(
            title=f"{_data_title(dataset, corruption)}, {network}",
            dataset=dataset,
            network=network,
            corruption=corruption,
            metrics=metrics,
            rows=rows(corruption),
        )
        for corruption in CORRUPTIONS
    )


def _named_methods(number: int, dataset: str, networks: tuple[str, ...]) -> Table:
    printed = paper.table(number)
    return Table(
        name=str(number),
        title=f"Table {number}: repair by the paper's named methods",
        sections=tuple(
            Section(
                title=f"{_data_title(dataset, corruption)}, {network}",
                dataset=dataset,
                network=network,
                corruption=corruption,
                metrics=ACCURACY,
                rows=(
                    *(
                        Row(title=METHOD_TITLES[short], cell=cell, paper=tuple(printed[network][short][corruption]))
                        for short, cell in METHOD_ROWS
                    ),
                    ENHANCED_ROW,
                ),
            )
            for network in networks
            for corruption in CORRUPTIONS
        ),
        notes=(
            "Each method takes as many suspects as are corrupted (K known), found by its own detector.",
            "SGD influence is taken on an SGD twin of the Adam base; its repair fine-tunes on K remaining samples.",
            ENHANCED_NOTE,
        ),
    )


def _human_labels() -> Table:
    printed = paper.table(3)
    names = {"worst": "worst", "random2": "random", "aggregate": "aggregate"}
    return Table(
        name="3",
        title="Table 3: repair on CIFAR-10N with ResNet-20",
        sections=tuple(
            Section(
                title=f"CIFAR-10N {noise}, resnet20",
                dataset="cifar10",
                network="resnet20",
                corruption=noise,
                metrics=("all",),
                rows=(
                    *(
                        Row(title=METHOD_TITLES[short], cell=cell, paper=(printed[short][names[noise]],))
                        for short, cell in METHOD_ROWS
                    ),
                    ENHANCED_ROW,
                ),
            )
            for noise in HUMAN
        ),
        notes=(ENHANCED_NOTE,),
    )


def _treatments(number: int, dataset: str, network: str) -> Table:
    printed = paper.table(number)
    groups = (("true", "true_set"), ("mixed", "mixed_75_25"))
    return Table(
        name=str(number),
        title=f"Table {number}: treatments of given suspects, {network}",
        sections=_sections(
            dataset,
            network,
            ACCURACY,
            lambda corruption: (
                Row(title="Base", cell="treat/none/own", paper=tuple(printed["base"][corruption])),
                Row(
                    title="Retrain, true set",
                    cell="treat/retrain/true",
                    paper=tuple(printed["retrain"][corruption]),
                ),
                *(
                    Row(
                        title=f"{methods.treatment(one).title}, {SETS[which]}",
                        cell=f"treat/{one}/{which}",
                        paper=tuple(printed[group][one][corruption]),
                    )
                    for which, group in groups
                    for one in PAPER_TREATMENTS
                ),
                *(
                    Row(title=f"{methods.treatment(one).title}, {SETS[which]}", cell=f"treat/{one}/{which}")
                    for which, _ in groups
                    for one in ("hard_relabel",)
                ),
                ENHANCED_ROW,
            ),
        ),
        notes=("The last rows are not in the paper: hard relabelling, and the enhanced model with no repair at all.",),
    )


def _layer_subsets(number: int, dataset: str, network: str) -> Table:
    printed = paper.table(number)
    return Table(
        name=str(number),
        title=f"Table {number}: which layers are updated, {network}",
        sections=_sections(
            dataset,
            network,
            LAYERS,
            lambda corruption: tuple(
                Row(title=f"layers {label}", cell=f"layers/{label}", paper=tuple(printed[corruption][label]))
                for label in SUBSETS
            ),
        ),
        notes=("Loss: mean reserved loss after one epoch on these layers; the smallest is what the method takes.",),
    )


def _counts() -> Table:
    printed = paper.table(8)
    places = [("mnist", "lenet"), ("cifar10", "resnet20")]
    sections = []
    for dataset, network in places:
        for corruption in CORRUPTIONS:
            column = printed["columns"].index(f"{dataset}-{corruption}")
            values = tuple(float(printed[key][column]) for key in ("truth", "0", "log(1.1)", "log(1.05)", "log(1.01)"))
            sections.append(
                Section(
                    title=f"{_data_title(dataset, corruption)}, {network}",
                    dataset=dataset,
                    network=network,
                    corruption=corruption,
                    metrics=COUNTS,
                    rows=(Row(title="suspects", cell="counts", paper=values),),
                )
            )
    return Table(
        name="8",
        title="Table 8: how many samples lie above each threshold",
        sections=tuple(sections),
        notes=("The paper does not name the network of its CIFAR-10 columns; ours are of ResNet-20.",),
    )


def _thresholds(number: int, dataset: str, network: str) -> Table:
    printed = paper.table(number)
    rows = (("truth", "treat/bir/own"), *((f"log({n})", f"threshold/log {n}") for n in ("1.1", "1.05", "1.01")))
    ordered = (rows[0], ("0", "threshold/0"), *rows[1:])
    return Table(
        name=str(number),
        title=f"Table {number}: BIR's repair at several thresholds, {network}",
        sections=_sections(
            dataset,
            network,
            ACCURACY,
            lambda corruption: tuple(
                Row(
                    title="top K, K known" if label == "truth" else f"above {label}",
                    cell=cell,
                    paper=tuple(printed[label][corruption]),
                )
                for label, cell in ordered
            ),
        ),
    )


def _reserved_sizes() -> Table:
    printed = paper.table(11)
    return Table(
        name="11",
        title="Table 11: size of the reserved set, lenet",
        sections=_sections(
            "mnist",
            "lenet",
            RESERVED,
            lambda corruption: tuple(
                Row(title=f"{size} reserved", cell=f"reserved/{size}", paper=tuple(printed[str(size)][corruption]))
                for size in (30, 100, 200, 300)
            ),
        ),
        notes=("Smaller sets are parts of the larger ones, equally many per class; the test images stay the same.",),
    )


def _curves() -> Table:
    places = (("mnist", "lenet"), ("mnist", "conv4"), ("cifar10", "resnet50"))
    return Table(
        name="figure2",
        title="Figure 2: true suspects found against samples inspected",
        sections=tuple(
            Section(
                title=f"{_data_title(dataset, corruption)}, {network}",
                dataset=dataset,
                network=network,
                corruption=corruption,
                metrics=("auc", "recall_at_k"),
                rows=tuple(Row(title=methods.detector(one).title, cell=f"detect/{one}") for one in CURVES),
            )
            for dataset, network in places
            for corruption in CORRUPTIONS
        ),
        notes=("The paper draws this for LeNet and ResNet-50 and prints no numbers; Conv4 is ours.",),
    )


def _every_method() -> Table:
    return Table(
        name="methods",
        title="Every detector and every treatment, MNIST with LeNet",
        sections=tuple(section for corruption in CORRUPTIONS for section in _detectors_and_treatments(corruption)),
        notes=(
            "Not in the paper. Seconds count every extra model that a detector trains, on one thread; peak memory is "
            "the whole process's, some 800 MB of which are there before it starts.",
            "BIR, bounded step: eta is chosen so that images move by at most 5 % of their size, the product's default.",
        ),
    )


def _detectors_and_treatments(corruption: str) -> Iterator[Section]:
    where: dict[str, Any] = {"dataset": "mnist", "network": "lenet", "corruption": corruption}
    title = _data_title("mnist", corruption)
    yield Section(
        title=f"{title}, detectors",
        metrics=DETECTION,
        rows=tuple(
            Row(
                title=one.title,
                cell=f"detect/{one.name}",
                paper=(paper.auc("mnist", "lenet", corruption), *[None] * 5) if one.name == "bir" else None,
            )
            for one in methods.DETECTORS
        ),
        **where,
    )
    yield Section(
        title=f"{title}, AUC of linear influence by curvature and damping d",
        metrics=tuple(f"d = {damping:g}" for damping in linear_influence.DAMPINGS),
        rows=tuple(Row(title=curvature, cell=f"damping/{curvature}") for curvature in linear_influence.SOLVERS),
        **where,
    )
    for which, words in SETS.items():
        rows = [
            Row(title=one.title, cell=f"treat/{one.name}/{which}")
            for one in methods.TREATMENTS
            if which == "own" or one.name not in ("none", "enhanced")
        ]
        rows.append(Row(title="BIR, bounded step", cell=f"treat/bir_auto/{which}"))
        yield Section(title=f"{title}, treatments of {words}", metrics=ACCURACY, rows=tuple(rows), **where)


def _data_title(dataset: str, corruption: str) -> str:
    return f"{'MNIST' if dataset == 'mnist' else 'CIFAR10'}-{corruption.capitalize()}"
