"""A run of one's own: choose data, network and settings, see them as a config file, and start."""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from pydantic import BaseModel

from dashboard import form_fields, gate, image_sets, network_check, new_runs, session, words
from dashboard.components import config_form, job_progress, model_choice
from dashboard.new_runs import InputError, RunConfig

KEY = "new"
CHECKED = "new_network_checked"
IMAGENET_USERS = tuple(f"{name}:" for name in new_runs.LIBRARIES)

# The sections that only a few people change.
FOLDED = {
    "enhance": ("Enhancement", ":material/trending_up:", "How the enhanced model is trained on the reserved set."),
    "identify": ("Suspects", ":material/search:", "Which samples are taken for detrimental."),
    "align": ("Alignment", ":material/straighten:", "How suspects are moved and relabelled."),
    "repair": ("Repair", ":material/healing:", "How the base model is repaired."),
    "evaluate": ("Report", ":material/summarize:", "What the report puts first."),
    "embed": ("Map", ":material/scatter_plot:", "How the samples are laid out on a map."),
}

WORDS: dict[str, dict[str, Mapping[Any, str]]] = {
    "data": {"corruption": words.HARMS},
    "evaluate": {"method": new_runs.TREATMENTS},
    "embed": {"layout": {"pca": "PCA", "umap": "UMAP"}},
    "run": {"device": {"cpu": "CPU", "cuda": "CUDA", "mps": "MPS"}},
}


def fields(section: str, *, without: tuple[str, ...] = ()) -> list[form_fields.FormField]:
    """The fields of a section of the config."""
    return form_fields.of(form_fields.sections_of(RunConfig)[section], without=without)


def folded(title: str, icon: str) -> Any:
    """A part of the form that is closed at first."""
    return st.expander(title, icon=icon, key=f"{KEY}_fold_{title}")


def data_part() -> dict[str, Any]:
    """The data, and what is wrong with them."""
    st.header("Data")
    sets = [f"{session.OWN}{name}" for name in image_sets.names()]
    chosen: str = session.bound(
        st.selectbox,
        "Images",
        key=session.DATA,
        options=[*new_runs.SOURCES, *sets],
        format_func=lambda name: _capital(words.SOURCES.get(name, "")) or name.removeprefix(session.OWN),
    )
    if chosen.startswith(session.OWN):
        return own_data(chosen.removeprefix(session.OWN))
    if chosen != new_runs.SOURCES[0]:
        st.caption(
            f"Read from {new_runs.data_root()}; python -m bir_core run FILE.toml --download fetches what is missing."
        )
    of_data = form_fields.of(new_runs.KNOWN_DATA, without=("source",))
    essential = [field for field in of_data if field.name == "corruption"]
    values = {"source": chosen, **config_form.draw(essential, key=f"{KEY}_data", columns=1, shown=WORDS["data"])}
    with folded("Sizes and corruption", ":material/dataset:"):
        values |= config_form.draw(
            [field for field in of_data if field not in essential], key=f"{KEY}_data", shown=WORDS["data"]
        )
    return values


def own_data(name: str) -> dict[str, Any]:
    """Images that somebody has imported."""
    classes = new_runs.class_names(name)
    of_data = form_fields.of(new_runs.OWN_DATA, without=("source", "images"))
    essential = [field for field in of_data if field.name == "noisy_classes"]
    values = {
        "source": "own",
        "images": name,
        **config_form.draw(
            essential,
            key=f"{KEY}_own_{name}",
            columns=1,
            suggested={"noisy_classes": classes},
            shown={"noisy_classes": new_runs.shown(classes)},
        ),
    }
    with folded("Sizes", ":material/dataset:"):
        values |= config_form.draw([field for field in of_data if field not in essential], key=f"{KEY}_own")
    return values


def model_part() -> dict[str, Any]:
    """The network, its weights, and how it is trained."""
    st.header("Model")
    places = new_runs.files_in()
    built_in = {name: words.NETWORKS.get(name, name) for name in new_runs.BUILT_IN}
    network = model_choice.network(built_in, new_runs.LIBRARIES, new_runs.program_files(), places, key=KEY)
    of_base = fields("base", without=("network", "start"))
    if network.startswith(f"{new_runs.EXPORT}:"):
        st.caption(model_choice.PROGRAM)
        values: dict[str, Any] = {"network": network, "start": "scratch", "preset": "trained"}
    else:
        start = model_choice.start(new_runs.weight_files(), places, key=KEY)
        preset = [field for field in of_base if field.name == "preset"]
        values = {"network": network, "start": start, **config_form.draw(preset, key=f"{KEY}_base", columns=1)}
    said = words.PRESETS.get(str(values["preset"]), "")
    if said:
        st.caption(f"The base model is trained {said}.")
    values["card"] = card_part(usual=new_runs.USUAL_CARD if network.startswith(IMAGENET_USERS) else new_runs.CARD())
    with folded("Training", ":material/model_training:"):
        rest = [field for field in of_base if field.name != "preset"]
        values |= config_form.draw(rest, key=f"{KEY}_base")
    return values


def card_part(usual: BaseModel) -> dict[str, Any] | None:
    """What the network wants of a picture, None for what is usual."""
    with folded("What the network wants of a picture", ":material/aspect_ratio:"):
        is_own = st.toggle(
            "Something else than usual",
            key=f"{KEY}_own_card",
            persist_state="session",
            help="Usual for torchvision and timm: 224 x 224 pixels in colour with ImageNet's mean and deviation; for a "
            "built-in network: the images as they are.",
        )
        if not is_own:
            return None
        return config_form.draw(
            form_fields.of(new_runs.CARD, usual=usual), key=f"{KEY}_card_{usual == new_runs.CARD()}"
        )


def run_part() -> dict[str, Any]:
    """Device and seed."""
    st.header("Run")
    return config_form.draw(
        form_fields.of(RunConfig, without=("name",)), key=f"{KEY}_run", columns=3, shown=WORDS["run"]
    )


def further_parts() -> dict[str, Any]:
    """Everything else, closed."""
    values: dict[str, Any] = {}
    for section, (title, icon, text) in FOLDED.items():
        with folded(title, icon):
            st.caption(text)
            values[section] = config_form.draw(fields(section), key=f"{KEY}_{section}", shown=WORDS.get(section))
    with folded("Single methods", ":material/science:"):
        st.caption("Options of detectors and treatments that a run computes only when they are asked for.")
        values["methods"] = {}
        methods = form_fields.sections_of(form_fields.sections_of(RunConfig)["methods"])
        for name, options in methods.items():
            st.markdown(f"**{new_runs.METHODS.get(name, name)}**")
            values["methods"][name] = config_form.draw(form_fields.of(options), key=f"{KEY}_methods_{name}")
    return values


def name_box(proposed: str) -> str:
    """The name that was typed, empty for the proposed one."""
    return (
        st.text_input(
            "Name of the run",
            key=f"{KEY}_name",
            placeholder=proposed or "give a name",
            help="Folder name of the run. Left empty, it is the one shown.",
            persist_state="session",
        )
        or ""
    )


def start_part(values: dict[str, Any]) -> None:
    """What the settings mean as a file and as a command, and the button; or what is wrong with them."""
    given = name_box(new_runs.proposed_name(values))
    try:
        config, problem = new_runs.parse({**values, "name": given}), ""
    except InputError as fault:
        config, problem = None, job_progress.sentence(str(fault).removeprefix("settings: "))
    with st.container(horizontal=True):
        st.button(
            "Start",
            type="primary",
            icon=":material/play_arrow:",
            key=f"{KEY}_go",
            on_click=gate.start_run,
            args=(config,),
            disabled=config is None,
            help=problem or None,
        )
        is_asked = st.button(
            "Check the network",
            icon=":material/schema:",
            key=f"{KEY}_check",
            disabled=config is None,
            help="Builds the network with its weights for these data, and lists its layer groups; takes some seconds.",
        )
        st.button(
            "Back to the defaults",
            icon=":material/undo:",
            on_click=config_form.reset,
            args=((f"{KEY}_",),),
        )
    if config is None:
        st.error(problem, icon=":material/error:", title="This cannot be started yet")
        return
    if is_asked:
        check(config)
    checked_part(config)
    as_file(config)


def check(config: RunConfig) -> None:
    """Build the network of these settings in a process of its own, and keep what it is, or why it cannot be."""
    found: network_check.Network = {}
    fault = ""
    with st.spinner("Building the network"):
        try:
            found = network_check.inspect(config)
        except InputError as error:
            fault = job_progress.sentence(str(error))
    st.session_state[CHECKED] = (_what(config), found, fault)


def _what(config: RunConfig) -> tuple[object, ...]:
    """What a check is of: the settings, and the images as they are."""
    images = image_sets.state(config.data.images) if isinstance(config.data, new_runs.OWN_DATA) else ()
    return new_runs.toml(config), *images


def checked_part(config: RunConfig) -> None:
    """What the last check has found, as long as settings and images are the same."""
    what, found, fault = st.session_state.get(CHECKED, (None, {}, ""))
    if what != _what(config):
        return
    if fault:
        st.error(fault, icon=":material/error:", title="This network cannot be used")
        return
    st.subheader("Layer groups", anchor=False)
    size = " x ".join(map(str, found["image_shape"]))
    st.caption(f"For images of {size} and {found['num_classes']} classes; starts from {found['start']}.")
    st.table(network_check.table(found), border="horizontal", hide_index=True, alt="The layer groups of the network")
    st.caption(f"Tried when layers are chosen: {', '.join(found['candidates'])}.")
    if not found["shares_prefix"]:
        st.caption(
            "This network cannot be cut between its groups, so every pass is a whole one: slower, the same result."
        )
    if found["doubt"]:
        st.warning(job_progress.sentence(found["doubt"]), icon=":material/help:")
    groups = network_check.groups_toml(found)
    if groups:
        with st.expander("Other groups", icon=":material/edit:"):
            st.caption("A config file may group the parameters otherwise, by the beginnings of their names:")
            st.code(groups, language=None, wrap_lines=True)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def as_file(config: RunConfig) -> None:
    """The same run without a browser."""
    text, file = new_runs.toml(config), f"{config.name}.toml"
    st.subheader("The same as a config file", anchor=False)
    # Without colours: those of Streamlit are too faint on the light page.
    st.code(text, language=None, wrap_lines=True)
    st.download_button(
        "Download the file",
        text,
        file_name=file,
        mime="application/toml",
        on_click="ignore",
        icon=":material/download:",
    )
    st.subheader("The same on the command line", anchor=False)
    st.code(f"python -m bir_core run {file}", language=None, wrap_lines=True)


if gate.has_started():
    st.switch_page("views/overview.py", query_params={})
if not gate.run_names():
    st.title("New run", anchor=False)
gate.show_refusal()
left, right = st.columns([1.7, 1], gap="large")
with left:
    settings = {"data": data_part(), "base": model_part(), **run_part()}
    st.header("Everything else")
    st.caption(f"The defaults suit most data. {config_form.LEGEND}")
    settings |= further_parts()
with right:
    start_part(settings)
