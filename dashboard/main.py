"""Page, navigation and run picker; the views do the rest."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from dashboard import gate
from dashboard.components import daylight, run_picker

VIEWS = Path(__file__).parent / "views"
PAGES = (
    ("overview", "Overview", ":material/space_dashboard:", "What was trained on what, and what the repair brought."),
    ("scores", "Scores", ":material/bar_chart:", "How suspect every training sample is; choose the threshold."),
    ("suspects", "Suspects", ":material/image_search:", "Look at the samples above the threshold, one by one."),
    ("sample", "Sample", ":material/image:", "Everything about one training sample, and your verdict on it."),
    ("repair", "Repair", ":material/healing:", "Repair with other settings, and see what it brought."),
    ("sensitivity", "Sensitivity", ":material/tune:", "The same repair at several thresholds."),
    ("methods", "Methods", ":material/compare:", "Every detector, treatment and named method on this run."),
    ("compare", "Compare", ":material/compare_arrows:", "Models on the same test images, side by side."),
    ("export", "Export", ":material/ios_share:", "Files for other tools and other people; verdicts back in."),
    ("present", "Present", ":material/slideshow:", "The story on one screen: before, the culprits, after."),
    ("jobs", "Jobs", ":material/manufacturing:", "What is computed now and what was computed before."),
)

# The bar has no room for more at 1024 px: these open from two words at its end.
START = (
    (
        "data",
        "Data",
        ":material/photo_library:",
        "Images of your own: import them, look at them, pick the reserved set.",
    ),
    ("pick", "Pick", ":material/checklist:", "Choose the reserved set of an image set by eye."),
    ("new_run", "New run", ":material/add_circle:", "Choose data, network and settings, and start a run of your own."),
)
LEARN = (
    ("how_it_works", "How it works", ":material/school:", "The method on an example small enough to see through."),
)

# Reached by a link on another page; not in the navigation.
HIDDEN = ("sample", "present", "pick")


def make(name: str, title: str, icon: str, text: str) -> Page:
    return st.Page(
        VIEWS / f"{name}.py",
        title=title,
        icon=icon,
        help=text,
        default=name == "overview",
        visibility="hidden" if name in HIDDEN else "visible",
    )


st.set_page_config(page_title="BIR Dashboard", page_icon="🩹", layout="wide")
if not gate.is_kept():
    st.error("Nobody stands at the door here: start the dashboard with 'streamlit run dashboard/app.py'.")
    st.stop()
page = st.navigation(
    {
        "Start": [make(*facts) for facts in START],
        "": [make(*facts) for facts in PAGES],
        "Learn": [make(*facts) for facts in LEARN],
    },
    position="top",
)
with gate.guarded():
    unknown = gate.enter(page.url_path)
    run_picker.draw(page.title, gate.run_names(), unknown=unknown, is_guarded=gate.is_guarded())
    daylight.draw()
    page.run()
