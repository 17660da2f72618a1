"""One's own images in a real browser: imported, looked at, picked by key, and made the reserved set."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from bir_core import picking
from bir_core.data import image_set
from bir_core.data.image_set import ImageSet
from tests import own_images
from tests.browser.screenshots import settle
from tests.browser.server import Server, serve
from tests.browser.test_accessibility import grave

SCRIPT = "<img src=x onerror='window.hacked = 1'>"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    own_images.write_folder(tmp_path / "root" / "digits", range(120))
    with serve(tmp_path / "runs", tmp_path / "server.log", BIR_DATA_ROOTS=str(tmp_path / "root")) as started:
        yield started


@pytest.fixture
def digits(tmp_path: Path) -> ImageSet:
    return own_images.imported("digits", own_images.write_folder(tmp_path / "digits", range(60)))


def open_picker(page: Page, server: Server, *, reviewer: str = "ann", wanted: int = 1) -> Locator:
    page.goto(f"{server.url}/pick?wanted={wanted}")
    picker = page.locator(".pick")
    expect(picker).to_have_attribute("data-painted", "60")
    if reviewer:
        page.get_by_label("Reviewer").fill(reviewer)
        page.get_by_label("Reviewer").press("Enter")
        expect(page.locator(".tile:focus")).to_have_count(1)
    return picker


def is_saved(picker: Locator) -> None:
    expect(picker).to_have_attribute("data-waiting", "0", timeout=20_000)


def held(images: ImageSet) -> dict[int, bool | None]:
    return {row: pick.clean for row, pick in picking.held(images).items()}


def test_from_a_folder_to_a_reserved_set(page: Page, server: Server, tmp_path: Path, faults: list[str]) -> None:
    page.goto(f"{server.url}/data")
    page.get_by_role("textbox", name="Folder or table").fill(str(tmp_path / "root" / "digits"))
    page.get_by_role("textbox", name="Folder or table").press("Enter")
    expect(page.get_by_text(f"python -m bir_core images digits --from {tmp_path / 'root' / 'digits'}")).to_be_visible()
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_text("10 classes with")).to_be_visible(timeout=60_000)
    page.get_by_text("Pictures", exact=True).click()
    zeros = int((own_images.digits()[1][:120] == 0).sum())
    expect(page.locator(".thumbnails")).to_have_attribute("data-painted", str(zeros))
    broken = "pictures => pictures.filter(one => !one.style.backgroundImage.includes('blob:')).length"
    assert page.locator(".thumbnails .picture").count() == zeros
    assert page.locator(".thumbnails .picture").evaluate_all(broken) == 0
    page.get_by_role("link", name="Pick the reserved set").click()
    picker = page.locator(".pick")
    expect(picker).to_have_attribute("data-painted", "60")
    page.get_by_label("Wanted of each class").fill("1")
    page.get_by_label("Wanted of each class").press("Enter")
    expect(picker.locator(".missing")).to_contain_text("Still to confirm: 1 of 0, 1 of 1, 1 of 2 and more of 7 other")
    reserve = page.get_by_role("button", name="Make these the reserved set")
    expect(reserve).to_be_disabled()
    page.get_by_label("Reviewer").fill("ann")
    page.get_by_label("Reviewer").press("Enter")
    page.keyboard.press("d")
    for _ in range(19):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("k")
    is_saved(picker)
    expect(picker.locator(".summary")).to_contain_text("10 of 10 wanted, and 9 more")
    images = image_set.open_set("digits")
    confirmed = {row for row, clean in held(images).items() if clean}
    assert confirmed == set(picking.propose(images)[1:20].tolist())
    expect(reserve).to_be_enabled()
    reserve.click()
    expect(page.get_by_text("19 images are reserved now")).to_be_visible()
    assert set(image_set.open_set("digits").rows_of("reserved").tolist()) == confirmed
    expect(picker.locator(".missing")).to_have_text("Nothing new is confirmed.")
    expect(picker.locator(".tile").first).to_be_visible()
    assert faults == []


def test_keys_work_at_once(page: Page, server: Server, digits: ImageSet, faults: list[str]) -> None:
    page.goto(f"{server.url}/pick?set={digits.name}")
    tile = page.locator(".tile:focus")
    expect(tile).to_have_attribute("data-row", str(picking.propose(digits)[0]))
    page.keyboard.press("ArrowRight")
    expect(tile).to_have_attribute("data-row", str(picking.propose(digits)[1]))
    page.keyboard.press("?")
    expect(page.locator(".help")).to_be_visible()
    assert faults == []


def test_keys_move_decide_and_undo(page: Page, server: Server, digits: ImageSet, faults: list[str]) -> None:
    picker = open_picker(page, server, wanted=3)
    rows = picking.propose(digits).tolist()
    tile = page.locator(".tile:focus")
    for key, position in (("ArrowRight", 1), ("End", 59), ("ArrowRight", 59), ("Home", 0), ("ArrowUp", 0)):
        page.keyboard.press(key)
        expect(tile).to_have_attribute("data-row", str(rows[position]))
    for key, clean in (("k", True), ("d", False), ("u", True), ("u", None)):
        page.keyboard.press(key)
        is_saved(picker)
        expect(tile).to_have_attribute("data-clean", "" if clean is None else str(clean).lower())
        assert held(digits).get(rows[0]) == clean
    page.keyboard.press("u")
    expect(picker.get_by_role("status")).to_have_text("There is no step of yours to take back on this page.")
    page.keyboard.press("k")
    page.keyboard.press("n")
    expect(tile).to_have_attribute("data-row", str(rows[1]))
    page.get_by_label("Class", exact=True).select_option("7")
    sevens = [row for row in rows if digits.labels[row] == 7]
    expect(page.locator(".tile")).to_have_count(len(sevens))
    assert [int(one.get_attribute("data-row") or -1) for one in page.locator(".tile").all()] == sevens
    page.locator(".tile").first.click()
    page.keyboard.press("?")
    expect(picker.locator(".help")).to_be_visible()
    is_saved(picker)
    expect(picker.locator(".here")).to_have_text(
        "0 of 3 in class 7" if digits.labels[rows[0]] != 7 else "1 of 3 in class 7"
    )
    assert faults == []


def test_without_a_name_nothing_is_decided(page: Page, server: Server, digits: ImageSet) -> None:
    open_picker(page, server, reviewer="")
    page.locator(".tile").first.click()
    page.keyboard.press("k")
    expect(page.get_by_label("Reviewer")).to_be_focused()
    assert picking.log(digits) == ()


def test_while_the_server_is_away_decisions_wait_and_outlive_a_reload(
    page: Page, server: Server, digits: ImageSet
) -> None:
    picker = open_picker(page, server)
    rows = picking.propose(digits).tolist()

    def away(route: Route) -> None:
        route.abort() if route.request.method == "POST" else route.continue_()

    page.route("**/api/sets/digits/picks*", away)
    for _ in range(3):
        page.keyboard.press("k")
        page.keyboard.press("ArrowRight")
    expect(picker.locator(".offline")).to_have_text("3 not saved (will be sent again)")
    expect(page.locator(".tile").first).to_contain_text("not saved")
    assert picking.log(digits) == ()
    page.unroute("**/api/sets/digits/picks*")
    page.reload()
    is_saved(page.locator(".pick"))
    expect(page.locator(".tile").first).to_have_attribute("data-clean", "true")
    assert [pick.sha256 for pick in picking.log(digits)] == [digits.value("sha256", row) for row in rows[:3]]


def test_what_others_say_is_seen(page: Page, server: Server, digits: ImageSet) -> None:
    open_picker(page, server)
    first = int(picking.propose(digits)[0])
    picking.say(digits, first, False, reviewer="bob")
    tile = page.locator(f".tile[data-row='{first}']")
    expect(tile).to_have_attribute("data-clean", "false", timeout=15_000)
    expect(tile.locator(".mark")).to_have_attribute("title", "bob")


def test_names_of_classes_and_files_are_only_text(page: Page, server: Server, tmp_path: Path) -> None:
    for name in (f"0 {SCRIPT.replace('/', '')}", "1 **bold** [x](http://evil.example)"):
        place = tmp_path / "evil" / name
        place.mkdir(parents=True)
        for row in range(6):
            (place / f"{SCRIPT}{row}.png").write_bytes(own_images.png(row if name.startswith("0") else row + 6))
    own_images.imported("evil", tmp_path / "evil")
    page.goto(f"{server.url}/pick?wanted=1")
    expect(page.locator(".tile")).to_have_count(12)
    page.goto(f"{server.url}/data")
    settle(page)
    page.get_by_text("Pictures", exact=True).click()
    expect(page.locator(".thumbnails .picture").first).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert page.locator("a[href*='evil.example']").count() == 0


@pytest.mark.parametrize("view", ["data", "pick"])
def test_nothing_grave_for_those_who_do_not_see(page: Page, server: Server, digits: ImageSet, view: str) -> None:
    page.goto(f"{server.url}/{view}?set={digits.name}")
    settle(page)
    if view == "data":
        page.get_by_text("Pictures", exact=True).click()
        expect(page.locator(".thumbnails .picture").first).to_be_visible()
    else:
        page.get_by_label("Reviewer").fill("ann")
        page.get_by_label("Reviewer").press("Enter")
        page.keyboard.press("k")
        expect(page.locator(".tile").first).to_have_attribute("data-clean", "true")
    assert grave(page) == []
