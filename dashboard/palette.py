"""Colours of charts and cards: each has a contrast of at least 3 to both page backgrounds, and blue stands against
orange so that colour-blind readers can tell them apart."""

CLEAN = "#3B82C4"
CORRUPTED = "#D9772B"
BEFORE = "#7D868C"
AFTER = "#22908A"
THRESHOLD = "#B8528A"
MODELS = {
    "base": BEFORE,
    "enhanced": "#8E6BBF",
    "bir": AFTER,
    "bir_with_reserved": "#5F9F3C",
    "fine_tune": CLEAN,
    "retrain": CORRUPTED,
}
OTHER_MODEL = "#B0731C"
"""A model that only some reports have."""

INK_ON_LIGHT = "#46525A"
INK_ON_DARK = "#D6D3CB"
"""Axis text: a contrast of at least 4.5 to the page."""
COUNT_ON_LIGHT = "#0D1619"
COUNT_ON_DARK = "#FFFFFF"
"""Counts written on the cells of a confusion matrix."""

GRID = "rgba(125,134,140,0.25)"
