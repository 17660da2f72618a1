"""Class names of any data, made fit for a page."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard import labels


def test_ordinary_names_stay() -> None:
    names = ("cat", "great white shark", "7", "قطة", "👩🏽‍🚀", "<b>")
    assert labels.shown(names) == names


def test_long_names_are_cut_and_stay_different() -> None:
    first, second = labels.shown(["w" * 10_000, "w" * 9_999 + "x"])
    assert first == "w" * 59 + "…"
    assert second == "w" * 55 + "… (1)"
    assert len(second) <= labels.LONGEST


def test_what_cannot_be_seen_is_left_out() -> None:
    assert labels.shown(["a\u202egnp.exe", "two\nlines\t here ", "\x00"]) == ("agnp.exe", "two lines here", "(2)")


@given(st.lists(st.text(max_size=200), min_size=1, max_size=30))
def test_every_name_fits_and_no_two_are_alike(names: list[str]) -> None:
    found = labels.shown(names)
    assert len(set(found)) == len(found) == len(names)
    assert all(0 < len(name) <= labels.LONGEST and "\n" not in name for name in found)


def test_a_name_that_looks_like_another_ones_way_out() -> None:
    assert labels.shown(["a (2)", "a", "a"]) == ("a (2)", "a", "a (2) (2)")
