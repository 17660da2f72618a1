"""Take results out for other tools and other people, and bring verdicts back in."""

import html
import urllib.parse
from collections import Counter
from collections.abc import Sequence

import streamlit as st

from dashboard import downloads, gate, runs, security, words
from dashboard.components import job_progress
from dashboard.downloads import Comparison, Decision, Export, Made
from dashboard.runs import Run

LINK_STYLE = """<style>
.bir-download {display: inline-block; padding: .42rem .95rem; border: 1px solid currentColor; border-radius: .5rem;
  color: inherit !important; text-decoration: none !important; font-weight: 600}
.bir-download small {margin-left: .6em; font-weight: 400; white-space: nowrap}
.bir-download:hover, .bir-download:focus-visible {text-decoration: underline !important}
</style>"""
READABLE = tuple(suffix.removeprefix(".") for suffix in downloads.TABLES.values())


def card(run: Run, made: Made, *, is_busy: bool) -> None:
    """One export: what is in it, the file if there is one, and the button that makes it."""
    wanted = made.export
    with st.container(border=True, height="stretch"):
        st.subheader(wanted.title, anchor=False)
        st.markdown(wanted.content)
        if made.sizes:
            st.caption(f"Made {made.when.replace('T', ' ')[:16]} UTC.")
            if not made.is_current:
                st.warning("Results or verdicts have changed since: make it again to have them in it.")
        with st.container(horizontal=True, vertical_alignment="center"):
            for file, size in made.sizes.items():
                st.html(LINK_STYLE + link(run, file, size), width="content")
            st.button(
                "Make it again" if made.sizes else "Make it",
                key=f"make_{wanted.name}",
                on_click=gate.compute,
                args=(run.name, (wanted.stage,)),
                kwargs={"force": bool(made.sizes)},
                disabled=is_busy,
                type="secondary" if made.sizes else "primary",
                icon=":material/inventory_2:",
                help="A job of this run is being computed now." if is_busy else None,
            )


def link(run: Run, file: str, size: int) -> str:
    """The file's address, which only this page can hand out."""
    query = urllib.parse.urlencode({"ticket": security.ticket(run.name, file)})
    address = f"api/runs/{urllib.parse.quote(run.name)}/exports/{file}?{query}"
    return (
        f'<a class="bir-download" href="{html.escape(address)}" download>Download {html.escape(file)}'
        f"<small>{in_words(size)}</small></a>"
    )


def in_words(size: int) -> str:
    """A file's size as people say it."""
    return f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{max(1, round(size / 2**10))} kB"


def tables(run: Run, wanted: Export) -> None:
    """Every sample with its verdict, made at the click."""
    with st.container(border=True, height="stretch"):
        st.subheader(wanted.title, anchor=False)
        st.markdown(wanted.content)
        with st.container(horizontal=True):
            for title, suffix in downloads.TABLES.items():
                st.download_button(
                    title,
                    downloads.table(run, suffix),
                    file_name=f"{run.name}-samples{suffix}",
                    key=f"table{suffix}",
                    on_click="ignore",
                    icon=":material/download:",
                )


def bring_back(run: Run) -> None:
    """Verdicts from a file, checked first and taken over when a person says so."""
    with st.container(border=True, height="stretch"):
        st.subheader("Bring verdicts back", anchor=False)
        st.markdown(
            "A table as above, from this run or another one of the same data, perhaps edited since. Nothing is written "
            "before you confirm."
        )
        uploaded = st.file_uploader(
            "Table of verdicts", type=READABLE, max_upload_size=50, key="upload", label_visibility="collapsed"
        )
        if uploaded is None:
            return
        with gate.guarded():
            confirm(run, downloads.read(run, uploaded.name, uploaded.getvalue()), uploaded.name)


def confirm(run: Run, found: Sequence[Decision], name: str) -> None:
    """How many verdicts there are, whose they become, what that changes, and the button that writes them."""
    if not found:
        st.info(f"{words.plain(name)} has no verdicts, so there is nothing to take over.", icon=":material/info:")
        return
    counts = Counter(str(decision.verdict) for decision in found)
    listed = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(counts.items()))
    st.markdown(f"**{len(found):,} verdicts** fit this run: {listed}.")
    reviewer = st.text_input(
        "They become the verdicts of", key="import_reviewer", placeholder="Your name", max_chars=80
    ).strip()
    change = downloads.compare(run, found, reviewer)
    if reviewer:
        st.caption(in_comparison(change, reviewer))
    number = len(change.fresh)
    if st.button(f"Take over {number:,} verdicts", key="take_over", type="primary", disabled=not (reviewer and number)):
        downloads.take_over(run, found, reviewer)
        st.success(f"{number:,} verdicts are {words.plain(reviewer)}'s now.", icon=":material/check:")


def in_comparison(change: Comparison, reviewer: str) -> str:
    """What taking over would bring, in a sentence or two."""
    known = f"{change.num_known:,} of them are {words.plain(reviewer)}'s already. " if change.num_known else ""
    if not change.num_disputed:
        return f"{known}None differs from what others say."
    return f"{known}{change.num_disputed:,} differ from what others say; both are kept until somebody settles it."


run = gate.the_run()
gate.needs(run, "identify")
job = runs.latest_job(run.name)
is_busy = job is not None and job.state in runs.ACTIVE
if job is not None and is_busy:
    gate.watch(job)
elif job is not None and job.state == "failed" and any(stage.startswith("export-") for stage in job.stages):
    st.error(job_progress.sentence(job.error or "It ended without saying why"), title="The export failed")
known, *files = downloads.of_run(run)
left, right = st.columns(2)
with left:
    if downloads.is_small(run):
        tables(run, known.export)
    else:
        card(run, known, is_busy=is_busy)
with right:
    bring_back(run)
st.header("Files")
for row in range(0, len(files), 2):
    for column, made in zip(st.columns(2), files[row : row + 2], strict=False):
        with column:
            card(run, made, is_busy=is_busy)
