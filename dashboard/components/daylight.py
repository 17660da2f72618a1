"""The page drawn anew when the reader's computer turns dark or light."""

import streamlit as st

from dashboard import session

# Streamlit changes its own colours then, but does not run the script, which tells charts what they are drawn on
# (its issue 15287): until the next click they would be dark on dark. The script is asked when the page has changed,
# which takes a while; again after a second, a few times, as a question that comes while Streamlit is drawing is lost.
SCRIPT = """
const MOST = 5;
let drawn, timer, questions = 0, last = -Infinity;
const isDark = () => {
  const color = getComputedStyle(document.querySelector('[data-testid="stApp"]')).backgroundColor;
  return color.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) < 384;
};
const look = () => {
  if (isDark() === drawn.isDark) questions = 0;
  else if (questions < MOST && performance.now() - last >= 1000) {
    questions += 1;
    last = performance.now();
    drawn.ask(questions);
  }
};
const lookForAWhile = () => {
  const end = performance.now() + 6000;
  const again = () => {
    look();
    if (performance.now() < end) timer = setTimeout(again, 200);
  };
  clearTimeout(timer);
  again();
};
export default ({ data, setTriggerValue }) => {
  if (!drawn) matchMedia("(prefers-color-scheme: dark)").addEventListener("change", lookForAWhile);
  drawn = { isDark: data.is_dark, ask: (value) => setTriggerValue("turned", value) };
  lookForAWhile();
};
"""

HIDDEN = '[data-testid="stLayoutWrapper"]:has(> .st-key-daylight_row)'

_mount = st.components.v2.component("bir_daylight", html="<span hidden></span>\n", js=SCRIPT)


def draw() -> None:
    """Look out for the change; draws nothing, and takes no room."""
    with st.container(key="daylight_row"):
        st.html(f"<style>{HIDDEN} {{display: none}}</style>")
        _mount(data={"is_dark": session.is_dark()}, key="daylight", on_turned_change=lambda: None)
