"""The command ``layers``: what a config's network is, before anything is computed."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bir_core.inspection import Inspection


def layers(
    config_file: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to do, as for 'run'.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs instead of people.")] = False,
) -> None:
    """Build a config's network, with its weights, and list its layer groups; nothing is computed."""
    from bir_core import config, inspection

    found = inspection.inspect(config.load(config_file))
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        _show(found)


def _show(found: "Inspection") -> None:
    from rich.markup import escape

    from bir_core import console

    size = " x ".join(map(str, found.image_shape))
    console.out.print(
        f"[bold]{escape(found.network)}[/bold] for images of {size} and {found.num_classes} classes, "
        f"starts from {escape(found.start)}",
        highlight=False,
    )
    table = console.new_table("Layer groups", "", "group")
    table.add_column("parameters", justify="right")
    has_beginnings = any(layer.beginnings for layer in found.layers)
    if has_beginnings:
        table.add_column("their names begin with")
    for number, layer in enumerate(found.layers, 1):
        beginnings = [escape(", ".join(layer.beginnings))] if has_beginnings else []
        table.add_row(str(number), escape(layer.name), f"{layer.num_parameters:,}", *beginnings)
    table.add_row("", "together", f"{sum(layer.num_parameters for layer in found.layers):,}", style="bold")
    console.out.print(table)
    console.out.print(f"Tried when layers are chosen: {', '.join(found.candidates)}", highlight=False)
    if found.doubt:
        console.out.print(f"[yellow]Mind:[/yellow] {escape(found.doubt)}", highlight=False)
