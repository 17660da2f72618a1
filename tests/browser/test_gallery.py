"""The gallery in a real browser: what keys, mouse, faults and other people do to verdicts, and what is stored then."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from bir_core import run_folder, storage, verdicts
from bir_core.records import Splits
from bir_core.run_folder import Run
from bir_core.verdicts import Decision
from tests.browser.conftest import watch
from tests.browser.long_run import lengthen
from tests.browser.server import Server, serve

VIEW = "/suspects?t=-100"
SEEN = """button => {
  const box = button.getBoundingClientRect();
  const text = document.createTreeWalker(button, NodeFilter.SHOW_TEXT).nextNode();
  return [...text.data.matchAll(/\\S+/g)].flatMap(({ 0: word, index }) => {
    const range = new Range();
    range.setStart(text, index);
    range.setEnd(text, index + word.length);
    const at = range.getBoundingClientRect();
    if (at.top >= box.bottom) return [];
    return at.left >= box.left && at.right <= box.right ? word : `${word} (cut off)`;
  });
}"""
"""The words on a button that can be seen."""

SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


def open_gallery(page: Page, server: Server, reviewer: str = "ann", view: str = VIEW) -> Locator:
    """Open the gallery as ``reviewer``; its first tile has the focus."""
    page.goto(server.url + view)
    expect(page.locator(".tile.focus .rank")).to_be_visible()
    if reviewer:
        page.get_by_label("Reviewer").fill(reviewer)
        page.get_by_label("Reviewer").press("Enter")
    return page.locator(".gallery")


def everything_is_saved(gallery: Locator) -> None:
    expect(gallery).to_have_attribute("data-waiting", "0", timeout=20_000)


def focused(page: Page) -> int:
    return int(page.locator(".tile:focus").get_attribute("data-sample") or -1)


def focus_is_on(page: Page, rank: int) -> None:
    expect(page.locator(".tile:focus .rank")).to_have_text(f"#{rank:,}")


def said(run: Run) -> dict[int, tuple[str | None, int | None]]:
    return {sample: (one.verdict, one.label) for sample, one in verdicts.standing(run).items()}


def columns(page: Page) -> int:
    return int(page.locator(".scroll").get_attribute("aria-colcount") or 0)


def test_keys_move_and_tab_leaves(page: Page, server: Server, faults: list[str]) -> None:
    open_gallery(page, server)
    width = columns(page)
    for key, rank in (
        ("ArrowRight", 2),
        ("ArrowDown", 2 + width),
        ("ArrowLeft", 1 + width),
        ("ArrowUp", 1),
        ("ArrowUp", 1),
        ("End", 180),
        ("ArrowRight", 180),
        ("Home", 1),
    ):
        page.keyboard.press(key)
        focus_is_on(page, rank)
    page.keyboard.press("PageDown")
    page.keyboard.press("PageUp")
    focus_is_on(page, 1)
    assert page.locator(".tile[tabindex='0']").count() == 1, "a roving tabindex"
    page.keyboard.press("Tab")
    expect(page.locator(".tile:focus")).to_have_count(0)
    assert faults == []


def test_keys_decide_and_the_focus_stays(page: Page, server: Server, run: Run, faults: list[str]) -> None:
    gallery = open_gallery(page, server)
    samples = []
    for keys in ("k", "d", "r", "r3"):
        samples.append(focused(page))
        for key in keys:
            page.keyboard.press(key)
        assert focused(page) == samples[-1]
        page.keyboard.press("ArrowRight")
    everything_is_saved(gallery)
    kept, removed, relabelled, chosen = samples
    label = said(run)[relabelled][1]
    assert said(run) == {
        kept: ("keep", None),
        removed: ("remove", None),
        relabelled: ("relabel", label),
        chosen: ("relabel", 3),
    }
    believed = page.locator(f".tile[data-sample='{relabelled}'] .labels b").last
    assert believed.inner_text() == str(label)
    expect(page.locator(f".tile[data-sample='{chosen}'] .chip")).to_have_text("⇄ relabel → 3")
    expect(page.locator(".summary")).to_contain_text("4 reviewed, 176 left")
    page.get_by_label("Reviewer").fill("kd")
    everything_is_saved(gallery)
    assert len(verdicts.entries(run)) == 5, "typing in a field decides nothing"
    assert faults == []


def test_without_a_name_the_field_is_focused(page: Page, server: Server, run: Run) -> None:
    open_gallery(page, server, reviewer="")
    page.locator(".tile").first.click()
    page.keyboard.press("d")
    expect(page.get_by_label("Reviewer")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="who decides")).to_be_visible()
    assert verdicts.entries(run) == ()


def test_burst_is_stored_in_order(page: Page, server: Server, run: Run, faults: list[str]) -> None:
    gallery = open_gallery(page, server)
    for _ in range(20):
        page.keyboard.press("d")
        page.keyboard.press("ArrowRight")
    everything_is_saved(gallery)
    most_suspect = np.argsort(-storage.load_scores(run.path / "score").score, kind="stable")[:20]
    assert [entry.sample for entry in verdicts.entries(run)] == most_suspect.tolist()
    assert len({entry.key for entry in verdicts.entries(run)}) == 20
    assert faults == []


def test_undo_and_redo(page: Page, server: Server, run: Run, faults: list[str]) -> None:
    gallery = open_gallery(page, server)
    sample = focused(page)
    for key, verdict in (
        ("k", "keep"),
        ("d", "remove"),
        ("u", "keep"),
        ("Control+z", None),
        ("Control+Shift+z", "keep"),
    ):
        page.keyboard.press(key)
        everything_is_saved(gallery)
        expect(page.locator(".tile:focus")).to_have_attribute("data-verdict", verdict or "")
        assert said(run)[sample][0] == verdict
    expect(page.locator(".history .line")).to_have_count(5)
    assert faults == []


def test_undo_and_redo_say_what_they_were_about(page: Page, server: Server, run: Run, faults: list[str]) -> None:
    gallery = open_gallery(page, server)
    message = gallery.get_by_role("status")
    sample = focused(page)
    for key in ("k", "Control+a", "a", "d"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Yes, remove 180").click()
    expect(message).to_have_text("remove: all 180 suspects with a score above -100. u undoes it.")
    everything_is_saved(gallery)
    page.keyboard.press("u")
    expect(message).to_have_text("Undone: remove on 180 samples. Ctrl+Shift+Z brings it back.")
    assert {*page.locator(".tile[data-verdict=''] .state").all_inner_texts()} == {""}, "no verdict, so none is saved"
    page.keyboard.press("u")
    expect(message).to_have_text(f"Undone: keep on sample {sample}. Ctrl+Shift+Z brings it back.")
    page.keyboard.press("u")
    expect(message).to_have_text("There is no verdict of yours left to undo.")
    page.keyboard.press("Control+Shift+z")
    expect(message).to_have_text(f"Redone: keep on sample {sample}. u undoes it.")
    assert {verdict for verdict, _ in said(run).values()} == {"keep", None}
    assert faults == []


def test_selection_is_one_step_and_a_large_one_is_confirmed(
    page: Page, server: Server, run: Run, faults: list[str]
) -> None:
    gallery = open_gallery(page, server)
    for key in ("Shift+ArrowRight", "Shift+ArrowRight", "a", "r"):
        page.keyboard.press(key)
    everything_is_saved(gallery)
    assert [one[0] for one in said(run).values()] == ["relabel"] * 3
    page.keyboard.press("u")
    everything_is_saved(gallery)
    assert {one[0] for one in said(run).values()} == {None}
    page.keyboard.press("Escape")
    for key in ("Home", "Shift+End", "a", "d"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Cancel").click()
    assert len(verdicts.entries(run)) == 6
    page.keyboard.press("a")
    page.keyboard.press("d")
    page.get_by_role("button", name="Yes, remove 180").click()
    expect(page.locator(".summary")).to_contain_text("180 reviewed, 0 left")
    everything_is_saved(gallery)
    assert set(said(run).values()) == {("remove", None)}
    assert faults == []


def test_all_that_pass_the_filters_are_one_step(page: Page, server: Server, run: Run, faults: list[str]) -> None:
    gallery = open_gallery(page, server, view=f"{VIEW}&given=7&given=1")
    count = int(((labels := storage.load_part(run.path / "data", "train").labels) == 7).sum() + (labels == 1).sum())
    for key in ("Control+a", "a", "d"):
        page.keyboard.press(key)
    expect(page.get_by_role("alertdialog")).to_contain_text(
        f"Remove all {count} suspects with a score above -100, given 7 and 1?"
    )
    page.get_by_role("button", name=f"Yes, remove {count}").click()
    expect(page.locator(".summary")).to_contain_text(f"{count} reviewed, 0 left")
    everything_is_saved(gallery)
    assert {entry.key for entry in verdicts.entries(run)} == {verdicts.entries(run)[0].key}
    page.keyboard.press("u")
    expect(page.locator(".summary")).to_contain_text(f"0 reviewed, {count} left")
    assert {one[0] for one in said(run).values()} == {None}
    assert faults == []


def test_an_undo_behind_a_refused_step_takes_nothing_else_back(
    page: Page, server: Server, run: Run, faults: list[str]
) -> None:
    gallery = open_gallery(page, server)
    page.keyboard.press("k")
    everything_is_saved(gallery)
    kept = focused(page)
    held: list[Route] = []
    # Playwright wants a function of our own here: it writes an attribute to it.
    page.route("**/verdicts", lambda route: held.append(route))  # noqa: PLW0108
    page.keyboard.press("ArrowRight")
    page.keyboard.press("d")
    page.keyboard.press("u")
    expect(gallery).to_have_attribute("data-waiting", "2")
    held[0].fulfill(status=400, json={"error": "refused on purpose"})
    everything_is_saved(gallery)
    assert said(run) == {kept: ("keep", None)}
    assert all("400" in fault for fault in faults)


def test_the_mouse_can_do_it_all(page: Page, server: Server, run: Run) -> None:
    gallery = open_gallery(page, server)
    third = page.locator(".tile").nth(2)
    third.click()
    third.get_by_role("button", name="Remove").click()
    page.locator(".tile").nth(4).click(modifiers=["Shift"])
    expect(page.locator(".tile.selected")).to_have_count(3)
    page.locator(".tile").nth(3).click()
    page.get_by_label("Relabel to another class").select_option("5")
    everything_is_saved(gallery)
    assert list(said(run).values()) == [("remove", None), ("relabel", 5)]


def test_the_words_on_the_buttons_are_not_cut_off(page: Page, server: Server, faults: list[str]) -> None:
    # A window of 1024 less a scroll bar, and a little: headless bars take no room.
    page.set_viewport_size({"width": 990, "height": 800})
    open_gallery(page, server)
    seen = [button.evaluate(SEEN) for button in page.locator(".tile:focus .actions button").all()]
    believed = page.locator(".tile:focus .labels b").last.inner_text()
    assert seen == [["✓", "Keep"], ["✕", "Remove"], ["⇄", believed]]
    assert faults == []


def test_a_sweep_of_the_mouse_selects(page: Page, server: Server, faults: list[str]) -> None:
    open_gallery(page, server)
    first, last = page.locator(".tile").nth(1), page.locator(".tile").nth(3)
    first.locator(".pair").hover()
    page.mouse.down()
    last.locator(".pair").hover()
    page.mouse.up()
    expect(page.locator(".tile.selected")).to_have_count(3)
    expect(page.locator(".summary")).to_contain_text("3 selected")
    assert faults == []


def test_next_undecided_and_next_in_conflict(page: Page, server: Server, run: Run, faults: list[str]) -> None:
    ranked = np.argsort(-storage.load_scores(run.path / "score").score, kind="stable").tolist()
    verdicts.record(run, [Decision(sample=n, verdict="keep") for n in ranked[1:5]], reviewer="bob", key="1")
    verdicts.record(run, [Decision(sample=ranked[100], verdict="remove")], reviewer="bob", key="2")
    verdicts.record(run, [Decision(sample=ranked[100], verdict="keep")], reviewer="cy", key="3")
    open_gallery(page, server)
    expect(page.locator(".summary")).to_contain_text("5 reviewed")
    for key, rank in (("n", 6), ("n", 7), ("c", 101), ("n", 102)):
        page.keyboard.press(key)
        focus_is_on(page, rank)
    page.keyboard.press("Home")
    verdicts.record(run, [Decision(sample=ranked[100], verdict="keep")], reviewer="ann", key="4", settle=True)
    expect(page.locator(".summary")).not_to_contain_text("in conflict", timeout=10_000)
    page.keyboard.press("c")
    expect(page.get_by_role("status").filter(has_text="None of the 180 samples is in conflict")).to_be_visible()
    focus_is_on(page, 1)
    assert faults == []


def test_slash_goes_to_the_filters(page: Page, server: Server, faults: list[str]) -> None:
    open_gallery(page, server)
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Given class")).to_be_focused()
    assert faults == []


def test_letters_choose_the_class_of_a_relabelling(page: Page, run: Run, tmp_path: Path, faults: list[str]) -> None:
    names = (
        "antelope",
        "beetles",
        "bearcats",
        "catfish",
        "cormorant",
        "dragonfly",
        "elephant",
        "flamingo",
        "gazelle",
        "hare",
    )
    data = storage.load_splits(run.path / "data")
    truth = storage.load_truth(run.path / "data")

    def write(folder: Path) -> None:
        parts = {name: getattr(data, name) for name in storage.PARTS}
        storage.save_splits(folder, Splits(**parts, class_names=names))
        storage.save_truth(folder, truth)

    run_folder.save_stage(run, "data", write, seconds=0, peak_memory_mb=0, device="cpu")
    with serve(run.path.parent, tmp_path / "server.log") as server:
        gallery = open_gallery(page, server)
        first = focused(page)
        relabel = page.locator(".tile:focus .actions .relabel")
        expect(relabel).to_have_accessible_name(re.compile(r"^Relabel to [a-z]+ \(r\)$"))
        assert relabel.evaluate("button => button.scrollWidth <= button.clientWidth"), "the name is not cut off"
        keep, remove = (page.locator(f".tile:focus .actions .{name}") for name in ("keep", "remove"))
        assert (keep.evaluate(SEEN), remove.evaluate(SEEN)) == (["✓"], ["✕"]), "it takes the room of their words"
        for key in "rbea":
            page.keyboard.press(key)
        page.keyboard.press("ArrowRight")
        second = focused(page)
        page.keyboard.press("d")
        everything_is_saved(gallery)
    assert said(run) == {first: ("relabel", 2), second: ("remove", None)}, "after a move letters are commands again"
    assert faults == []


def test_a_very_long_ranking_is_reached_everywhere(page: Page, run: Run, tmp_path: Path, faults: list[str]) -> None:
    """Taller than a browser scrolls: one pixel of the bar stands for several."""
    num = 200_000
    order = np.argsort(-lengthen(run, num), kind="stable")
    with serve(run.path.parent, tmp_path / "server.log") as server:
        open_gallery(page, server)
        for key, rank in (("End", num), ("ArrowLeft", num - 1), ("Home", 1), ("End", num), ("PageUp", None)):
            page.keyboard.press(key)
            if rank is not None:
                focus_is_on(page, rank)
                assert focused(page) == order[rank - 1]
                expect(page.locator(".tile:focus")).to_be_in_viewport()
        page.locator(".scroll").evaluate("(scroll) => { scroll.scrollTop = scroll.scrollHeight / 2; }")
        page.wait_for_timeout(500)
        seen = page.locator(".scroll").evaluate(
            "(scroll) => [...scroll.querySelectorAll('.tile')].map((tile) => [tile, tile.getBoundingClientRect()])"
            ".filter(([, box]) => box.top >= scroll.getBoundingClientRect().top && box.top < innerHeight)"
            ".map(([tile]) => Number(tile.dataset.position))"
        )
        assert len(seen) >= 4
        assert abs(seen[0] - num / 2) < 0.01 * num
        assert seen == list(range(seen[0], seen[0] + len(seen)))
    assert faults == []


def test_details_and_keys_can_be_shown_and_hidden(page: Page, server: Server, faults: list[str]) -> None:
    open_gallery(page, server)
    expect(page.locator(".detail > .figures figcaption").last).to_contain_text("difference ×")
    assert page.locator(".detail .belief").count() == 10
    page.keyboard.press(" ")
    expect(page.locator(".detail")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator(".help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".help")).to_be_hidden()
    assert faults == []


def test_filters_change_the_ranking(page: Page, server: Server, faults: list[str]) -> None:
    open_gallery(page, server, view=f"{VIEW}&given=7&given=1")
    names = page.locator(".tile .labels b:first-child")
    assert set(names.all_inner_texts()) == {"1", "7"}
    assert faults == []


def test_one_suspect_is_no_suspects(page: Page, server: Server, run: Run, faults: list[str]) -> None:
    highest, second = np.sort(storage.load_scores(run.path / "score").score)[:-3:-1]
    gallery = open_gallery(page, server, view=f"/suspects?t={(highest + second) / 2}")
    expect(page.locator(".summary")).to_contain_text(re.compile("^1 suspect0 reviewed, 1 left"))
    for key in ("Control+a", "a", "d"):
        page.keyboard.press(key)
    expect(gallery.get_by_role("status")).to_have_text("remove: 1 selected sample. u undoes it.")
    assert faults == []


@pytest.fixture
def reviewed(run: Run) -> list[int]:
    """The ranking: of its first ten, 2 to 4 are kept, about 6 and 8 two reviewers differ, and 9 was taken back."""
    ranked: list[int] = np.argsort(-storage.load_scores(run.path / "score").score, kind="stable").tolist()
    verdicts.record(run, [Decision(sample=n, verdict="keep") for n in ranked[1:4]], reviewer="bob", key="1")
    verdicts.record(run, [Decision(sample=ranked[n], verdict="remove") for n in (5, 7)], reviewer="bob", key="2")
    verdicts.record(run, [Decision(sample=ranked[n], verdict="keep") for n in (5, 7)], reviewer="cy", key="3")
    verdicts.record(run, [Decision(sample=ranked[8], verdict="remove")], reviewer="cy", key="4")
    verdicts.undo(run, reviewer="cy", key="5")
    return ranked


def tiles(page: Page) -> list[int]:
    expect(page.locator(".tile .rank").first).to_be_visible()
    return [int(tile.get_attribute("data-sample") or -1) for tile in page.locator(".tile[data-sample]").all()]


def test_in_conflict_shows_exactly_those(
    page: Page, server: Server, run: Run, reviewed: list[int], faults: list[str]
) -> None:
    gallery = open_gallery(page, server)
    page.get_by_role("button", name="2 in conflict").click()
    expect(page.locator(".tile")).to_have_count(2)
    assert tiles(page) == [reviewed[5], reviewed[7]]
    expect(page).to_have_url(re.compile(r"[?&]verdict=In(\+|%20)conflict(&|$)"))
    expect(page.locator(".summary")).to_contain_text("2 suspects2 reviewed, 0 left")
    page.locator(".tile").first.click()
    page.get_by_role("button", name="keep (cy)").click()
    everything_is_saved(gallery)
    expect(page.locator(".summary")).to_contain_text("2 reviewed, 0 left✓ 1 keep")
    expect(page.locator(".summary")).to_contain_text("1 in conflict")
    page.get_by_role("button", name="Filter again").click()
    expect(page.locator(".tile")).to_have_count(1)
    assert tiles(page) == [reviewed[7]]
    assert said(run)[reviewed[5]] == ("keep", None)
    assert faults == []


def test_what_is_decided_stays_until_it_is_filtered_again(
    page: Page, server: Server, run: Run, reviewed: list[int], faults: list[str]
) -> None:
    gallery = open_gallery(page, server, view=f"{VIEW}&verdict=Undecided")
    expect(page.locator(".summary")).to_contain_text("175 suspects0 reviewed, 175 left")
    assert tiles(page)[:5] == [reviewed[n] for n in (0, 4, 6, 8, 9)]
    for key in ("ArrowRight", "d", "ArrowRight", "ArrowRight", "k"):
        page.keyboard.press(key)
    everything_is_saved(gallery)
    verdicts.record(run, [Decision(sample=reviewed[100], verdict="keep")], reviewer="bob", key="6")
    verdicts.record(run, [Decision(sample=reviewed[2], verdict="remove")], reviewer="cy", key="7")
    expect(page.locator(".summary")).to_contain_text(
        "175 suspects3 reviewed, 172 left✓ 2 keep✕ 1 remove", timeout=10_000
    )
    assert focused(page) == reviewed[8]
    page.reload()
    expect(page.locator(".summary")).to_contain_text("175 suspects3 reviewed, 172 left", timeout=10_000)
    page.get_by_role("button", name="Filter again").click()
    expect(page.locator(".summary")).to_contain_text("172 suspects0 reviewed, 172 left")
    expect(page.locator(f".tile[data-sample='{reviewed[4]}']")).to_have_count(0)
    assert tiles(page)[:3] == [reviewed[n] for n in (0, 6, 9)]
    assert faults == []


def test_what_is_in_conflict_does_not_count_as_judged_and_the_page_says_so(
    page: Page, server: Server, reviewed: list[int], faults: list[str]
) -> None:
    open_gallery(page, server)
    expect(page.locator(".summary")).to_contain_text(f"{len(reviewed)} suspects5 reviewed")
    page.get_by_role("button", name="Progress and sampling").click()
    expect(page.get_by_text("of 3 reviewed samples")).to_have_text(
        re.compile("^0 of 3 reviewed samples .* are detrimental; samples in conflict do not count here")
    )
    assert faults == []


def test_a_whole_filter_by_verdict_is_one_step(
    page: Page, server: Server, run: Run, reviewed: list[int], faults: list[str]
) -> None:
    gallery = open_gallery(page, server, view=f"{VIEW}&verdict=Undecided&verdict=Keep")
    before = len(verdicts.entries(run))
    for key in ("d", "Control+a", "a", "d"):
        page.keyboard.press(key)
    expect(page.get_by_role("alertdialog")).to_contain_text("score above -100, undecided or keep when filtered?")
    page.get_by_role("button", name="Yes, remove 178").click()
    everything_is_saved(gallery)
    written = verdicts.entries(run)[before + 1 :]
    assert {entry.sample for entry in written} == set(reviewed) - {reviewed[5], reviewed[7]}
    assert len({entry.step for entry in written}) == 1
    expect(page.locator(".summary")).to_contain_text("178 suspects178 reviewed, 0 left", timeout=10_000)
    assert faults == []


def test_queue_survives_a_reload_while_the_server_is_down(page: Page, run: Run, tmp_path: Path) -> None:
    with serve(run.path.parent, tmp_path / "first.log") as server:
        gallery = open_gallery(page, server)
        page.keyboard.press("k")
        everything_is_saved(gallery)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("d")
    expect(page.locator(".tile:focus .state")).to_have_text("not saved (will be sent again)")
    expect(gallery).to_have_attribute("data-waiting", "3")
    assert len(verdicts.entries(run)) == 1
    page.goto("about:blank")
    with serve(run.path.parent, tmp_path / "second.log", port=server.port) as again:
        gallery = open_gallery(page, again)
        expect(page.locator(".tile[data-verdict='remove']")).to_have_count(3)
        everything_is_saved(gallery)
    assert [entry.verdict for entry in verdicts.entries(run)] == ["keep", "remove", "remove", "remove"]


def test_open_page_goes_on_when_the_server_comes_back(page: Page, run: Run, tmp_path: Path) -> None:
    with serve(run.path.parent, tmp_path / "first.log") as server:
        gallery = open_gallery(page, server)
    page.keyboard.press("d")
    page.keyboard.press("u")
    page.keyboard.press("k")
    expect(gallery).to_have_attribute("data-waiting", "3")
    with serve(run.path.parent, tmp_path / "second.log", port=server.port):
        everything_is_saved(gallery)
    assert [entry.verdict for entry in verdicts.entries(run)] == ["remove", None, "keep"]


def test_two_browsers_see_each_other(page: Page, browser: Browser, server: Server, run: Run, faults: list[str]) -> None:
    open_gallery(page, server)
    context = browser.new_context(viewport={"width": 1024, "height": 800})
    other = context.new_page()
    watch(other, faults)
    open_gallery(other, server, reviewer="ben")
    page.keyboard.press("d")
    expect(other.locator(".tile:focus .chip")).to_have_text("✕ remove", timeout=10_000)
    other.keyboard.press("k")
    expect(page.locator(".tile:focus .chip")).to_contain_text("conflict", timeout=10_000)
    page.get_by_role("button", name="keep (ben)").click()
    for one in (page, other):
        expect(one.locator(".tile:focus .chip")).to_have_text("✓ keep", timeout=10_000)
    assert list(said(run).values()) == [("keep", None)]
    context.close()
    assert faults == []


def test_markup_in_a_name_is_text(page: Page, server: Server, run: Run, faults: list[str]) -> None:
    gallery = open_gallery(page, server, reviewer=SCRIPT[:80])
    page.keyboard.press("d")
    everything_is_saved(gallery)
    expect(page.locator(".history .who")).to_have_text(SCRIPT[:80])
    assert page.evaluate("window.hacked") is None
    assert verdicts.entries(run)[0].reviewer == SCRIPT[:80]
    assert faults == []


def come_by_the_navigation_bar(page: Page, server: Server) -> None:
    page.goto(server.url)
    expect(page.get_by_role("link", name="Look at the suspects")).to_be_visible()
    page.get_by_test_id("stTopNav").get_by_role("link", name="Suspects").click()


def test_keys_work_at_once_after_the_navigation_bar(page: Page, server: Server, faults: list[str]) -> None:
    come_by_the_navigation_bar(page, server)
    expect(page.locator(".tile:focus")).to_have_count(1)
    page.keyboard.press("?")
    expect(page.locator(".help")).to_be_visible()
    assert faults == []


def test_the_gallery_takes_the_focus_from_no_other_control(page: Page, server: Server, faults: list[str]) -> None:
    come_by_the_navigation_bar(page, server)
    other = page.get_by_test_id("stTopNav").get_by_role("link", name="Repair")
    other.focus()
    expect(page.locator(".tile.focus .rank")).to_be_visible()
    expect(other).to_be_focused()
    assert faults == []


def test_sample_of_a_link(page: Page, server: Server) -> None:
    open_gallery(page, server, reviewer="", view=f"{VIEW}&at=77")
    expect(page.locator(".tile.focus .rank")).to_have_text("#77")
    page.locator(".tile.focus").click()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"[?&]at=78(&|$)"))
