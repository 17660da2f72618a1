"""One step in the browser's history per page, so that "back" leads to the page before."""

import streamlit as st

# Streamlit pushes an entry whenever a bound value changes, several at every change of the page: "back" then seems to
# do nothing, or shows a page with the usual values instead of those that were chosen.
SCRIPT = """
if (!history.birOnePerPage) {
  history.birOnePerPage = true;
  const push = history.pushState.bind(history);
  history.pushState = (state, unused, url) => {
    const isSamePage = url && new URL(url, location.href).pathname === location.pathname;
    if (isSamePage) history.replaceState(state, unused, url);
    else push(state, unused, url);
  };
}
export default () => {};
"""

_mount = st.components.v2.component("bir_history", html="<span hidden></span>\n", js=SCRIPT)


def draw() -> None:
    """Let changed values replace the page's entry in the history; draws nothing that can be seen."""
    _mount(key="history", width="content")
