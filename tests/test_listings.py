"""Every form in which people keep labelled images: read as entries, or refused by a sentence that helps."""

import json
import tracemalloc
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bir_core.data import entries, formats, safe_paths
from bir_core.data.entries import Entry
from bir_core.data.listings import columns, manifests
from bir_core.errors import InputError
from tests.cases import cifar_folder
from tests.own_images import digits, write_folder


def read(path: Path | str, *, root: Path | None = None, kind: str = "auto") -> list[Entry]:
    place = Path(path)
    scratch = place.parent / "scratch"
    scratch.mkdir(exist_ok=True, parents=True)
    home = root or (place if place.is_dir() else place.parent)
    where = formats.Place(name=str(path), path=place, root=home, scratch=scratch, home="images/0")
    return list(formats.find(where, kind).read(where).entries)


def brief(found: list[Entry]) -> list[tuple[str, str, str]]:
    return [(entry.path, entry.label, entry.split) for entry in found]


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


# ---------------------------------------------------------------- folders


def test_a_folder_of_classes(tmp_path: Path) -> None:
    folder = touch(tmp_path / "data", "dog/b.PNG", "cat/a.jpg", "cat/more/c.webp", "cat/.hidden.png", "cat/notes.txt")
    found = read(folder)
    assert brief(found) == [
        ("cat/a.jpg", "cat", "train"),
        ("cat/more/c.webp", "cat", "train"),
        ("dog/b.PNG", "dog", "train"),
    ]
    assert [entry.key for entry in found] == ["cat/a.jpg", "cat/more/c.webp", "dog/b.PNG"]


def test_folders_of_splits_with_classes(tmp_path: Path) -> None:
    folder = touch(tmp_path / "data", "Train/a/1.png", "val/a/2.png", "test/a/3.png", "reserved/b/4.png")
    assert brief(read(folder)) == [
        ("Train/a/1.png", "a", "train"),
        ("reserved/b/4.png", "b", "reserved"),
        ("test/a/3.png", "a", "test"),
        ("val/a/2.png", "a", "validation"),
    ]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ((), "has no folders: expected a folder per class"),
        (("a/notes.txt", "b/notes.txt"), r"has no images: expected .* known are \.bmp, \.gif"),
        (("a/1.png", "loose.png"), r"loose\.png lies in no class folder"),
        (("train/1.png", "test/a/1.png"), r"train/1\.png lies in no class folder"),
        (("train/a/1.png", "test/a/2.png", "notes/b/3.png"), r"other folders \(notes\) beside train, .* splits only"),
        (("Training/a/1.png", "held out/2.png"), r"other folders \(held out\) beside Training, .* as a split does"),
    ],
)
def test_a_folder_of_another_layout_is_refused(tmp_path: Path, names: tuple[str, ...], sentence: str) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match=sentence):
        read(touch(tmp_path / "data", *names))


def test_a_class_may_have_the_name_of_a_split(tmp_path: Path) -> None:
    """Splits hold class folders, classes hold images."""
    folder = touch(tmp_path / "data", "car/1.png", "train/2.png", "train/steam/3.png", "test/more/4.png")
    assert brief(read(folder)) == [
        ("car/1.png", "car", "train"),
        ("test/more/4.png", "test", "train"),
        ("train/2.png", "train", "train"),
        ("train/steam/3.png", "train", "train"),
    ]


def test_a_folder_behind_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = touch(tmp_path / "data", "a/1.png")
    (folder / "b").symlink_to(tmp_path)
    with pytest.raises(InputError, match="data/b is a link to a folder, which is not followed"):
        read(folder)


# ---------------------------------------------------------------- manifests


def csv_file(folder: Path, text: str | bytes, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_manifest_with_everything(tmp_path: Path) -> None:
    text = (
        "ID,Filename,Class,Split,Reserved,True Label,Group\n7,a.png,cat,train,,dog,p1\n8,b/c.png,dog,val,0,,\n"
        "9,d.png,dog,,yes,,\n"
    )
    assert read(csv_file(tmp_path, text)) == [
        Entry(path="a.png", label="cat", key="7", true_label="dog", group="p1", line=2),
        Entry(path="b/c.png", label="dog", key="8", split="validation", line=3),
        Entry(path="d.png", label="dog", key="9", split="reserved", line=4),
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfpath,label\na/b.png,cat\n",
        b"path;label\r\na/b.png;cat\r\n",
        b"path\tlabel\na\\b.png\tcat\n",
        b'"path"|"label"\n\n".\\a\\b.png"|" cat "\n',
        b"note,label,image\nx,cat,./a//b.png\n",
    ],
)
def test_bom_semicolons_tabs_and_windows_paths(tmp_path: Path, text: bytes) -> None:
    assert brief(read(csv_file(tmp_path, text))) == [("a/b.png", "cat", "train")]


def test_jsonl_json_and_parquet_say_the_same(tmp_path: Path) -> None:
    rows = [{"path": "a.png", "label": 3, "id": "x"}, {"path": "b.png", "label": 10, "id": "y"}]
    (tmp_path / "list.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "list.json").write_text(json.dumps(rows))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "list.parquet")
    for suffix in ("jsonl", "json", "parquet"):
        found = read(tmp_path / f"list.{suffix}")
        assert [(entry.path, entry.label, entry.key, entry.line) for entry in found] == [
            ("a.png", "3", "x", 1),
            ("b.png", "10", "y", 2),
        ]


@pytest.mark.parametrize("name", ["list.jsonl", "list.json"])
def test_what_only_a_later_row_has_counts(tmp_path: Path, name: str) -> None:
    more: list[dict[str, object]] = [{}, {"split": "test"}, {"reserved": True}, {"true_label": "cat"}]
    rows = [{"path": f"{number}.png", "label": "dog", **values} for number, values in enumerate(more)]
    lines = [json.dumps(row) for row in rows]
    found = read(csv_file(tmp_path, "\n".join(lines) if name.endswith("l") else f"[{', '.join(lines)}]", name))
    assert [entry.split for entry in found] == ["train", "test", "reserved", "train"]
    assert [entry.true_label for entry in found] == ["", "", "", "cat"]
    with pytest.raises(InputError, match=r"has no column of labels: .*; its columns are path, kind, split"):
        read(csv_file(tmp_path, '{"path": "a.png", "kind": 1}\n{"path": "b.png", "split": "test"}\n', "no.jsonl"))


def test_what_fiftyone_exports(tmp_path: Path) -> None:
    label = {"_cls": "Classification", "label": "cat"}
    sample = {"_id": {"$oid": "5f"}, "filepath": str(tmp_path / "data/a.png"), "tags": ["x", "test"]}
    (tmp_path / "samples.json").write_text(json.dumps({"samples": [{**sample, "ground_truth": label}]}))
    assert read(tmp_path) == [Entry(path="data/a.png", label="cat", key="5f", split="test", line=1)]
    (tmp_path / "samples.json").unlink()
    touch(tmp_path / "data", "one.jpg")
    (tmp_path / "labels.json").write_text(json.dumps({"classes": ["cat", "dog"], "labels": {"one": 1}}))
    assert read(tmp_path) == [Entry(path="data/one.jpg", label="dog", key="one", line=1)]


def test_what_cleanlab_gives(tmp_path: Path) -> None:
    text = "filepath,is_label_issue,label_quality,given_label,predicted_label\na.png,True,0.1,cat,dog\n"
    assert brief(read(csv_file(tmp_path, text))) == [("a.png", "cat", "train")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "file,kind\na.png,1\n",
            r"list\.csv has no column of labels: expected one of label, class, .*; its columns are file, kind",
        ),
        ("label\n1\n", "has no column of image paths: expected one of path, filepath, .*; its columns are label"),
        ("", "has no column of image paths: .* its columns are none"),
        ("path,label\n", "has no rows: expected one per image"),
        ("path,label\na.png,1\nb.png,\n", r"line 3 has no label for b\.png: every image needs one"),
        ("path,label\n,1\n", "line 2 has no path"),
        ("path,label\na.png,1,2\n", "line 2 has 3 values: expected 2, as the first line has"),
        ('path,label\na.png,"1\n', "is no CSV"),
        ("path,label,split\na.png,1,holdout\n", "line 2 has split 'holdout': expected one of train"),
        ("path,label,reserved\na.png,1,maybe\n", "line 2 has 'maybe' in the column of reserved images"),
        ("path,label,split,reserved\na.png,1,test,1\n", "line 2 is reserved and of split test as well"),
        ("path,label\n../a.png,1\n", r"line 2 has the path '\.\./a\.png', in which '\.\.' could leave"),
        ("path,label\n/etc/a.png,1\n", "line 2 has the path '/etc/a.png', which is not below"),
        ("path,label\nC:\\a.png,1\n", "which is on another machine or drive"),
        ("path,label\n\\\\host\\a.png,1\n", "which is on another machine or drive"),
        ("path,label\nhttps://a.b/c.png,1\n", "has the address 'https://a.b/c.png'"),
        ("path,label\na\0.png,1\n", "line 2 has a path with a NUL byte"),
        (b"path,label\n\xff\xfe.png,1\n", "is not UTF-8 text: save it as UTF-8"),
    ],
)
def test_a_wrong_manifest_is_refused_by_its_line(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read(csv_file(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("list.jsonl", b'{"path": "a.png", "label": 1}\n[1]\n', "line 2 is no JSON object"),
        ("list.jsonl", b"", "is empty: expected one JSON object per line"),
        ("list.jsonl", b'{"path": 3, "label": 1}\n', "line 1 has no path in column 'path' but a int"),
        ("list.json", b"[" * 100_000, "is no JSON"),
        ("list.json", b'{"a": 1}', "is no list of images"),
        ("list.parquet", b"PAR1 and no more", "cannot be read as Parquet"),
        ("list.npz", b"PK\3\4", "is truncated or damaged"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "head", "form"),
    [
        ("list.csv", "path,label\n", "images/{}.png,3\n"),
        ("list.jsonl", "", '{{"path": "images/{}.png", "label": 3}}\n'),
    ],
)
def test_ten_million_rows_are_never_in_memory_at_once(tmp_path: Path, name: str, head: str, form: str) -> None:
    """The memory that 50,000 rows take is that of 2,000, so it is that of any number."""

    def peak(num: int) -> int:
        path = csv_file(tmp_path, head + "".join(form.format(row) for row in range(num)), name)
        listing = manifests.read(path, tmp_path)
        tracemalloc.start()
        assert sum(1 for _ in listing.entries) == num
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(50_000) < peak(2_000) + 100_000


CELLS = st.text(max_size=12) | st.sampled_from(["a.png", "../a", "/a", "1", "", "train", "\ufeff", '"', ";", "\0"])


@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=6),
    st.sampled_from(",;\t|"),
    st.sampled_from(["", "path,label\n", "path;label;split\n", "id\tfile\tclass\treserved\n"]),
    st.binary(max_size=3),
)
@settings(max_examples=200, deadline=None)
def test_any_csv_ends_in_entries_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str, head: str, tail: bytes
) -> None:
    body = "\n".join(delimiter.join(row) for row in rows)
    path = csv_file(tmp_path_factory.getbasetemp(), f"{head}{body}".encode() + tail, "fuzz.csv")
    _entries_or_a_sentence(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "label", "id", "split"]), inner)
    ),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=4), st.sampled_from(["fuzz.json", "fuzz.jsonl"]), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_any_json_ends_in_entries_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, rows: list[object], name: str, cut: int
) -> None:
    text = json.dumps(rows) if name.endswith(".json") else "\n".join(map(json.dumps, rows))
    _entries_or_a_sentence(csv_file(tmp_path_factory.getbasetemp(), text[: len(text) - cut // 10], name))


def _entries_or_a_sentence(path: Path) -> None:
    try:
        found = list(manifests.read(path, path.parent).entries)
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017 - either end is right
        return
    for entry in found:
        assert entry.label
        assert ".." not in entry.path.split("/")
        assert not entry.path.startswith("/")


# ---------------------------------------------------------------- paths


def test_an_absolute_path_below_the_root_is_one_of_it(tmp_path: Path) -> None:
    assert safe_paths.relative(f"{tmp_path}/a/b.png", tmp_path, "x") == "a/b.png"
    with pytest.raises(InputError, match="not below"):
        safe_paths.relative(f"{tmp_path}-other/a.png", tmp_path, "x")


def test_a_link_may_not_lead_out_of_the_root(tmp_path: Path) -> None:
    root = touch(tmp_path / "root", "a.png", "d/b.png")
    touch(tmp_path, "secret.png")
    (root / "inner.png").symlink_to(root / "a.png")
    (root / "outer.png").symlink_to(tmp_path / "secret.png")
    (root / "up").symlink_to(tmp_path)
    assert safe_paths.inside(root, "inner.png") == root / "inner.png"
    assert safe_paths.inside(root, "d/b.png") == root / "d/b.png"
    for path in ("outer.png", "up/secret.png"):
        with pytest.raises(InputError, match="reached by a link that leads out of"):
            safe_paths.inside(root, path)


# ---------------------------------------------------------------- arrays


def save_arrays(folder: Path, num: int = 12, **names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = digits()
    for images_name, labels_name in names.items():
        np.save(folder / f"{images_name}.npy", images[:num])
        np.save(folder / f"{labels_name}.npy", labels[:num])


def test_a_pair_of_arrays_is_mapped_where_it_is(tmp_path: Path) -> None:
    save_arrays(tmp_path, images="labels", x_test="y_test")
    found = read(tmp_path / "images.npy")
    assert [(entry.path, entry.row, entry.label) for entry in found[:2]] == [
        ("images.npy", row, str(digits()[1][row])) for row in range(2)
    ]
    assert len({entry.key for entry in found}) == 12
    assert sorted((entry.path, entry.split) for entry in read(tmp_path) if entry.row == 3) == [
        ("images.npy", "train"),
        ("x_test.npy", "test"),
    ]


def test_an_npz_is_unpacked(tmp_path: Path) -> None:
    images, labels = digits()
    np.savez_compressed(
        tmp_path / "all.npz",
        train_images=images[:5],
        train_labels=labels[:5, None],
        x_test=images[5:7],
        y_test=labels[5:7],
    )
    found = read(tmp_path / "all.npz")
    assert [entry.split for entry in found] == ["train"] * 5 + ["test"] * 2
    assert [entry.label for entry in found] == [str(label) for label in labels[:7]]
    name = Path(found[0].path).name
    assert np.array_equal(np.load(tmp_path / "scratch" / name), images[:5])
    assert (tmp_path / "scratch" / name).stat().st_mtime_ns == (tmp_path / "all.npz").stat().st_mtime_ns


def test_an_npz_that_is_damaged_inside_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "all.npz", images=digits()[0][:5], labels=digits()[1][:5])
    content = bytearray((tmp_path / "all.npz").read_bytes())
    content[content.index(b"images.npy") + 40] ^= 0xFF
    (tmp_path / "all.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"all\.npz is truncated or damaged \(Error -3 .*\): write it again"):
        read(tmp_path / "all.npz")


def test_an_npz_whose_contents_point_outside_of_it_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "all.npz", images=digits()[0][:5], labels=digits()[1][:5])
    content = bytearray((tmp_path / "all.npz").read_bytes())
    start = content.rindex(b"PK\x05\x06") + 16  # where the table of contents begins, says the end of the archive
    content[start : start + 4] = len(content).to_bytes(4, "little")
    (tmp_path / "all.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"all\.npz is truncated or damaged \(.*\): write it again"):
        read(tmp_path / "all.npz")


@pytest.mark.parametrize(
    ("images", "labels", "sentence"),
    [
        (
            np.zeros((4, 3, 8, 8), np.uint8),
            np.zeros(4, int),
            r"channels first: expected N x H x W x C; images\.transpose",
        ),
        (np.zeros((4, 8), np.uint8), np.zeros(4, int), "is 4 x 8: expected images of N x H x W"),
        (np.zeros((4, 8, 8), np.int64), np.zeros(4, int), "is int64: expected uint8"),
        (np.zeros((4, 8, 8), np.uint8), np.zeros(3, int), "is 3: expected 4 labels, one per image of images.npy"),
        (np.zeros((4, 8, 8), np.uint8), np.zeros(4), "is float64: expected labels as whole numbers or text"),
        (np.zeros((4, 8, 8), np.uint8), np.array([None] * 4), "cannot be read as an array of numbers"),
    ],
)
def test_arrays_of_something_else_are_refused(tmp_path: Path, images: object, labels: object, sentence: str) -> None:
    np.save(tmp_path / "images.npy", np.asarray(images))
    np.save(tmp_path / "labels.npy", np.asarray(labels), allow_pickle=True)
    with pytest.raises(InputError, match=sentence):
        read(tmp_path / "images.npy")


def test_images_without_labels_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", digits()[0][:3])
    with pytest.raises(InputError, match=r"has no labels beside its images: expected images\.npy and labels\.npy"):
        read(tmp_path / "images.npy")
    np.savez(tmp_path / "all.npz", pictures=digits()[0][:3])
    with pytest.raises(InputError, match=r"all\.npz lacks images or labels: .* found pictures"):
        read(tmp_path / "all.npz")


# ---------------------------------------------------------------- Hugging Face, by name


def save_hugging_face(folder: Path, source: Path, *, embedded: bool, num: int = 6, names: bool = True) -> None:
    """What ``Dataset.save_to_disk`` writes, made by pyarrow."""
    folder.mkdir(parents=True)
    files = sorted(source.rglob("*.png"))[:num]
    label = pa.array([int(file.parent.name) for file in files], pa.int64())
    image = pa.array(
        [{"bytes": file.read_bytes() if embedded else None, "path": str(file)} for file in files],
        pa.struct({"bytes": pa.binary(), "path": pa.string()}),
    )
    table = pa.table({"image": image, "label": label})
    with (
        pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table.schema) as out,
    ):
        out.write_table(table, max_chunksize=4)
    classes = {"names": [f"digit {number}" for number in range(10)], "_type": "ClassLabel"}
    value = {"dtype": "int64", "_type": "Value"}
    features = {"image": {"_type": "Image"}, "label": classes if names else value}
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "pictures", range(20))


def test_a_saved_data_set_with_its_images_inside(tmp_path: Path, pictures: Path) -> None:
    for split in ("train", "test"):
        save_hugging_face(tmp_path / "saved" / split, pictures, embedded=True)
    (tmp_path / "saved" / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    found = read(tmp_path / "saved")
    first = sorted(pictures.rglob("*.png"))[0]
    assert (len(found), found[0].label, found[0].split, found[-1].split) == (
        12,
        f"digit {first.parent.name}",
        "train",
        "test",
    )
    unpacked = tmp_path / "scratch" / found[0].path.removeprefix("images/0/")
    assert unpacked.read_bytes() == first.read_bytes()


def test_a_saved_data_set_of_paths(tmp_path: Path, pictures: Path) -> None:
    save_hugging_face(tmp_path / "saved", pictures, embedded=False, names=False)
    found = read(tmp_path / "saved", root=tmp_path)
    first = sorted(pictures.rglob("*.png"))[0]
    assert (found[0].path, found[0].label) == (first.relative_to(tmp_path).as_posix(), first.parent.name)
    with pytest.raises(InputError, match="which is not below"):
        read(tmp_path / "saved", root=tmp_path / "saved")


def test_a_damaged_saved_data_set_is_refused(tmp_path: Path, pictures: Path) -> None:
    save_hugging_face(tmp_path / "saved", pictures, embedded=True)
    info = tmp_path / "saved" / "dataset_info.json"
    info.write_text(json.dumps({"features": {"text": {"_type": "Value"}}}))
    with pytest.raises(InputError, match=r"has no column of images \(feature Image\); its columns are text"):
        read(tmp_path / "saved")
    info.unlink()
    with pytest.raises(InputError, match=r"dataset_info\.json cannot be read"):
        read(tmp_path / "saved")


def test_a_data_set_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cifar_folder(tmp_path / "data")
    monkeypatch.setenv("BIR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    found = read("cifar10")
    assert (len(found), found[0].label, found[-1].split) == (300, "airplane", "test")
    source = np.load(tmp_path / "data" / "cifar10" / "train_images.npy")
    assert np.array_equal(np.load(tmp_path / "scratch" / "train.npy"), source)


def test_what_has_no_known_form_lists_the_forms(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"there is no .*absent: expected a folder, a manifest or arrays, or one of mnist5k"
    ):
        read(tmp_path / "absent")
    touch(tmp_path, "a.docx")
    with pytest.raises(InputError, match=r"has no form that is known: expected known: .*; hf: .*; folder: "):
        read(tmp_path / "a.docx")
    with pytest.raises(InputError, match="unknown kind of data 'foldr': did you mean folder"):
        read(tmp_path, kind="foldr")
    with pytest.raises(InputError, match="no data set is known by the name 'mnist6k': did you mean mnist5k"):
        read("mnist6k", kind="known")


def test_labels_are_ordered_as_numbers_where_all_are() -> None:
    assert entries.in_label_order({"10", "9", "-1"}) == ("-1", "9", "10")
    assert entries.in_label_order({"10", "9", "cat"}) == ("10", "9", "cat")


@pytest.mark.parametrize("word", ["nan", "NaN", "inf", "-inf", "1e999"])
def test_a_class_called_like_no_number_is_ordered_by_text(word: str) -> None:
    """NaN is neither less nor more than any number: a sort would give another order in every process."""
    labels = {word, *map(str, range(40))}
    assert entries.in_label_order(labels) == tuple(sorted(labels))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3.0, "3"), (None, ""), (float("nan"), ""), (" a ", "a"), (True, "True"), ({"label": "x"}, "x")],
)
def test_a_value_as_text(value: object, expected: str) -> None:
    assert columns.text(value) == expected


def test_a_manifest_is_a_stream(tmp_path: Path) -> None:
    """The first rows are there although a later one is wrong."""
    path = csv_file(tmp_path, "path,label\na.png,1\nb.png,2\nc.png,\n")
    stream = manifests.read(path, tmp_path).entries
    assert [entry.label for entry in islice(stream, 2)] == ["1", "2"]
    with pytest.raises(InputError, match="line 4 has no label"):
        next(stream)
