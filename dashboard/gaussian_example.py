"""The Gaussian-mean example: what its sliders can be set to, and the random numbers that the browser computes with.

No Streamlit. The browser recomputes everything at every move; a test holds its figures against ``bir_core``.
"""

from typing import Any

import numpy as np

from dashboard import palette

SIGMA = 1.0
P = 0.05
REPETITIONS = 2000
SEED = 0

COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400, 500)
SLIDERS: tuple[dict[str, Any], ...] = (
    {"key": "n", "title": "Target samples", "symbol": "n", "stops": [*COUNTS[7:], 600, 800, 1000]},
    {"key": "m", "title": "Shifted samples", "symbol": "m", "stops": [*COUNTS]},
    {"key": "delta", "title": "Their shift", "symbol": "δ", "stops": [step / 10 for step in range(61)]},
    {"key": "aligned", "title": "Alignment error", "symbol": "ε", "stops": [step / 100 for step in range(101)]},
    {"key": "dn", "title": "Reserved samples", "symbol": "r", "stops": [*COUNTS]},
)
PRESETS: tuple[dict[str, Any], ...] = (
    {"title": "The example", "at": {"n": 200, "m": 20, "delta": 4.0, "aligned": 0.05, "dn": 60}},
    {"title": "Few target samples", "at": {"n": 20, "m": 80, "delta": 3.0, "aligned": 0.15, "dn": 30}},
    {"title": "Very few shifted samples", "at": {"n": 1000, "m": 5, "delta": 3.0, "aligned": 0.05, "dn": 100}},
)
MODELS = (
    {"title": "As it is", "said": "mean of all training samples", "color": palette.MODELS["base"]},
    {"title": "Suspects removed", "said": "mean of the target samples", "color": palette.CLEAN},
    {"title": "Suspects aligned", "said": "mean of all, shifted ones moved back", "color": palette.MODELS["bir"]},
)
KINDS = (
    {"title": "Target samples", "color": palette.CLEAN},
    {"title": "Shifted samples", "color": palette.CORRUPTED},
)


def board() -> dict[str, Any]:
    """What the browser needs: it is sent once, and no slider asks for more.

    ``draws`` are three rows of standard normal numbers: for the target, the shifted and the reserved samples. The same
    ones serve every setting, so that a chart that moves shows the setting's doing and no chance.
    """
    draws = np.random.default_rng(SEED).standard_normal((3, REPETITIONS))
    return {
        "sigma": SIGMA,
        "p": P,
        "draws": np.round(draws, 4).tolist(),
        "sliders": list(SLIDERS),
        "presets": list(PRESETS),
        "models": list(MODELS),
        "kinds": list(KINDS),
    }
