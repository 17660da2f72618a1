"""The way out for who is logged in."""

import streamlit as st

# A plain form: it is sent by the browser itself, so it works even when the connection to Streamlit is lost.
FORM = """
<form method="post" action="/logout"><button>Log out</button></form>
"""
STYLE = """
form { margin: 0; }
button { padding: 0.4rem 0.75rem; font: inherit; color: var(--st-link-color); background: none; border: 0;
  border-radius: var(--st-base-radius); cursor: pointer; white-space: nowrap; }
button:hover { background: var(--st-secondary-background-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); }
"""

_mount = st.components.v2.component("bir_log_out", html=FORM, css=STYLE)


def draw() -> None:
    """A button that ends the login and leads to the login page."""
    _mount(key="log_out", width="content")
