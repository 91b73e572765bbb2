"""Layers merged into one tree, without a disk."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_agent.engines.images.entry import Entry, Kind
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.engines.images.paths import split_name, split_target
from tidegate_agent.engines.images.tree import Node, Tree
from tidegate_schemas.codes import Code, TidegateError


def f(name: str, content: str = "") -> Entry:
    return Entry(name.encode(), Kind.FILE, 0o644, content=content)


def d(name: str, mode: int = 0o755) -> Entry:
    return Entry(name.encode(), Kind.DIRECTORY, mode)


def link(name: str, target: str) -> Entry:
    return Entry(name.encode(), Kind.SYMLINK, 0o777, link=target.encode())


def hard(name: str, target: str) -> Entry:
    return Entry(name.encode(), Kind.HARDLINK, 0o644, link=target.encode())


def merge(*layers: list[Entry], limits: Limits | None = None) -> dict[str, str]:
    """What is at each path: `/` for a directory, `-> target` for a link, else the file's content."""
    tree = Tree(limits or Limits())
    for layer in layers:
        tree.apply(layer)
    found: dict[str, str] = {}
    _list(tree.root, "", found)
    return found


def _list(node: Node, path: str, found: dict[str, str]) -> None:
    for name, child in node.children.items():
        where = f"{path}{name.decode()}"
        if child.is_directory:
            found[where] = "/"
            _list(child, f"{where}/", found)
        elif child.entry.kind is Kind.SYMLINK:
            found[where] = f"-> {child.entry.link.decode()}"
        else:
            found[where] = child.entry.content


def refusal(*layers: list[Entry], limits: Limits | None = None) -> Code:
    with pytest.raises(TidegateError) as caught:
        merge(*layers, limits=limits)
    return caught.value.code


def test_upper_layers_win() -> None:
    assert merge([f("a", "1"), f("b", "1")], [f("a", "2")]) == {"a": "2", "b": "1"}


def test_whiteouts_hide_files_and_directories() -> None:
    lower = [d("d"), f("d/a", "1"), f("d/b", "1"), d("e"), f("e/x", "1")]
    assert merge(lower, [f("d/.wh.a"), f(".wh.e")]) == {"d": "/", "d/b": "1"}


def test_a_whiteout_of_nothing_is_harmless() -> None:
    assert merge([f("a", "1")], [f(".wh.b"), f("no/such/.wh.c")]) == {"a": "1"}


@pytest.mark.parametrize("reverse", [False, True])
def test_a_whiteout_spares_its_own_layer_in_any_order(reverse: bool) -> None:  # noqa: FBT001 - a parameter
    upper = [f(".wh.a"), f("a", "2")]
    assert merge([f("a", "1")], upper[::-1] if reverse else upper) == {"a": "2"}


@pytest.mark.parametrize("reverse", [False, True])
def test_an_opaque_directory_hides_only_lower_layers(reverse: bool) -> None:  # noqa: FBT001 - a parameter
    lower = [d("d"), f("d/old", "1"), d("d/sub"), f("d/sub/old", "1")]
    upper = [f("d/.wh..wh..opq"), f("d/new", "2"), f("d/sub/new", "2")]
    expected = {"d": "/", "d/new": "2", "d/sub": "/", "d/sub/new": "2"}
    assert merge(lower, upper[::-1] if reverse else upper) == expected


def test_a_hidden_directory_that_the_layer_makes_anew_is_empty_of_the_old() -> None:
    lower = [d("d", 0o700), f("d/old", "1")]
    assert merge(lower, [f(".wh.d"), f("d/new", "2")]) == {"d": "/", "d/new": "2"}


def test_bookkeeping_of_aufs_is_left_out() -> None:
    assert merge([f(".wh..wh.plnk"), f(".wh..wh.aufs"), f("a", "1")]) == {"a": "1"}


def test_files_and_directories_replace_each_other() -> None:
    assert merge([d("a"), f("a/x", "1")], [f("a", "2")]) == {"a": "2"}
    assert merge([f("a", "1")], [d("a"), f("a/x", "2")]) == {"a": "/", "a/x": "2"}
    assert merge([d("a"), f("a/x", "1")], [link("a", "b")]) == {"a": "-> b"}
    assert merge([link("a", "b"), d("b")], [d("a"), f("a/x", "2")]) == {"a": "/", "a/x": "2", "b": "/"}


def test_a_directory_listed_again_keeps_its_children_and_takes_the_new_mode() -> None:
    tree = Tree(Limits())
    tree.apply([d("a", 0o755), f("a/x", "1")])
    tree.apply([d("a", 0o700)])
    node = tree.root.children[b"a"]
    assert node.entry.mode == 0o700
    assert list(node.children) == [b"x"]


def test_parents_that_are_not_listed_come_into_being() -> None:
    assert merge([f("a/b/c", "1")]) == {"a": "/", "a/b": "/", "a/b/c": "1"}


def test_the_root_itself_can_be_listed() -> None:
    tree = Tree(Limits())
    tree.apply([d("./", 0o711), f("./a", "1")])
    assert tree.root.entry.mode == 0o711
    assert refusal([link("./", "elsewhere")]) is Code.IMAGE_HOSTILE


def test_paths_through_links_stay_inside() -> None:
    lower = [d("usr/lib"), link("lib", "usr/lib"), link("etc", "/real/etc"), link("up", "../../../up2")]
    upper = [f("lib/a", "1"), f("etc/b", "1"), f("up/c", "1")]
    found = merge(lower, upper)
    assert {path for path, content in found.items() if content == "1"} == {
        "usr/lib/a",
        "real/etc/b",
        "up2/c",
    }
    assert found["lib"] == "-> usr/lib"


def test_links_in_a_circle_are_refused() -> None:
    assert refusal([link("a", "b"), link("b", "a"), f("a/x")]) is Code.IMAGE_HOSTILE


def test_hard_links_share_an_entry_across_layers() -> None:
    tree = Tree(Limits())
    tree.apply([f("a", "1")])
    tree.apply([hard("d/b", "a"), hard("c", "/a"), f("a", "2")])
    children = tree.root.children
    assert children[b"d"].children[b"b"].entry is children[b"c"].entry
    assert children[b"c"].entry.content == "1"
    assert children[b"a"].entry.content == "2"


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        ([hard("a", "b")], Code.IMAGE_MALFORMED),
        ([hard("a", "../../etc/passwd")], Code.IMAGE_HOSTILE),
        ([hard("a", "")], Code.IMAGE_MALFORMED),
        ([d("d"), hard("a", "d")], Code.IMAGE_MALFORMED),
        ([f("../a")], Code.IMAGE_HOSTILE),
        ([f("a/../../b")], Code.IMAGE_HOSTILE),
        ([f("/etc/passwd")], Code.IMAGE_HOSTILE),
        ([f("a\0b")], Code.IMAGE_HOSTILE),
        ([f("")], Code.IMAGE_MALFORMED),
        ([f("d/.wh..")], Code.IMAGE_HOSTILE),
        ([f("d/.wh...")], Code.IMAGE_HOSTILE),
        ([f("d/.wh.")], Code.IMAGE_HOSTILE),
        ([f("n" * 256)], Code.IMAGE_TOO_LARGE),
        ([f("a/" * 201 + "x")], Code.IMAGE_TOO_LARGE),
    ],
)
def test_what_is_refused(layer: list[Entry], code: Code) -> None:
    assert refusal(layer) is code


def test_depth_cannot_be_hidden_behind_links() -> None:
    deep = "x/" * 150
    assert refusal([link("a", deep), f("a/" + "y/" * 100 + "z")]) is Code.IMAGE_HOSTILE


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_a_path_that_gets_through_is_plain(name: bytes) -> None:
    for split in (split_name, split_target):
        try:
            parts = split(name, 20)
        except TidegateError:
            continue
        assert not any(part in (b"", b".", b"..") or b"/" in part or b"\0" in part for part in parts)


NAMES = st.sampled_from(["a", "b", ".wh.a", ".wh.b", ".wh..wh..opq"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
ENTRIES = st.one_of(
    st.builds(f, PATHS, st.just("x")),
    st.builds(d, PATHS),
    st.builds(link, PATHS, st.sampled_from(["a", "../b", "/", "/a/b", "."])),
    st.builds(hard, PATHS, PATHS),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(ENTRIES, max_size=8), max_size=4))
def test_any_layers_give_a_plain_tree_or_a_refusal(layers: list[list[Entry]]) -> None:
    try:
        found = merge(*layers)
    except TidegateError as error:
        assert str(error.code).startswith("image.")  # noqa: PT017 - whether it raises depends on the layers
        return
    for path in found:
        parent = path.rpartition("/")[0]
        assert not parent or found[parent] == "/"
        assert not path.rpartition("/")[2].startswith(".wh.")
