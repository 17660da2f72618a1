"""The method on the smallest example there is: a model that is a mean. No run is needed to look at it."""

import streamlit as st

from dashboard import gate, gaussian_example
from dashboard.components import gaussian_mean

ABOUT = (
    (
        "Two models",
        r"""The **base model** $\theta$ is the mean of all training samples, shifted ones included. The **enhanced
        model** $\varphi$ is the mean after $r$ reserved samples were added, which are known to be good: it has moved a
        little towards $\mu$. (The paper calls their number $\delta n$; here $\delta$ is the shift alone.)""",
    ),
    (
        "Why the loss of a bad sample rises",
        r"""The loss is the squared distance, so the score of a sample $x$ is
        $s(x) = (\varphi - \theta)(\varphi + \theta - 2x)$. It is above zero exactly when $x$ lies on the far side of
        the midpoint of $\theta$ and $\varphi$: the model has moved away from it.""",
    ),
    (
        "Remove or align",
        r"""Removal keeps only $n$ samples. Alignment keeps all, with the shifted ones moved back to $\mu$ up to an
        error $\varepsilon = |\mu - \tilde\mu|$: more samples, less chance. It wins while that
        error is small; the line below its slider marks how small. Here both know which samples are shifted; a real
        detector does not.""",
    ),
    (
        "What the paper leaves out",
        r"""The paper says that clean samples score below zero on average. It omits a variance term,
        $\sigma^2 (1/N - 1/N')$ with $N = n + m$ and $N' = N + r$. With very few shifted samples that term
        wins, and even target samples score above zero on average: set the sliders to *Very few shifted samples*.""",
    ),
)

if not gate.run_names():
    st.title("How it works", anchor=False)
st.markdown(
    r"""A model that is nothing but a mean can be seen through. $n$ target samples come from a normal distribution with
    mean $\mu$, which is to be found; $m$ others are shifted by $\delta$ and mislead it. Move a slider: everything is
    computed as you drag."""
)
gaussian_mean.draw(gaussian_example.board())
for row in (ABOUT[:2], ABOUT[2:]):
    for column, (title, text) in zip(st.columns(2), row, strict=True):
        with column.container(border=True, height="stretch"):
            st.subheader(title, anchor=False)
            st.markdown(text)
st.caption(
    "Every sample has a standard deviation of 1; a bound holds with probability 95 %. Each repetition draws the mean "
    "of the target samples and that of the shifted ones from their exact distributions. All settings use the same "
    "random numbers, and each histogram is drawn to its own height."
)
