"""With what a run was made, so that its numbers can be made again."""

import platform
from importlib import metadata
from typing import Any

LIBRARIES = ("bir-dashboard", "torch", "numpy", "streamlit")


def provenance() -> dict[str, Any]:
    """Versions and system that results come from."""
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            versions[library] = "not installed"
    return {"python": platform.python_version(), "system": platform.platform(), "versions": versions}
