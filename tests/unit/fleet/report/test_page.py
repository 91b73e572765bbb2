"""The page as its outline, what it may load (nothing), and what hosts can do to it (nothing)."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import pytest

from tests.support.outline import outline
from tests.support.reporting import KEY, NOW, STORY, MadeHistory, a_fleet, a_passage, a_record
from tidegate_fleet.report.disclosure import Disclosure
from tidegate_fleet.report.gathering import Terms, gather
from tidegate_fleet.report.page import bar, policy, render
from tidegate_fleet.report.selection import Wanted, select
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from tidegate_fleet.history import Passage
    from tidegate_fleet.report.figures import Figures

HOSTILE = [
    "<script>alert(1)</script>",
    "</style></svg></title><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "\x1b[31mred\x1b]8;;http://x\x07",
    "\u202edessalc\u2066isolated\u200b",
    "a\u0300\u0301\u0302\u0303\u0304\u0305\u0306" * 20,
    "\" onmouseover='alert(1)' x=\"",
    "$\\frac{1}{2}$ \\input{/etc/passwd}",
    "&lt;b&gt; &#60;",
    "x" * 5000,
    "]]><!--",
]


@pytest.fixture(scope="module")
def whole() -> str:
    history = a_fleet(600, failing=0.1)
    return render(gather(history, *select(history, ("os", "stable"), Wanted()), Terms(NOW)))


def figures(*passages: Passage, terms: Terms | None = None) -> Figures:
    record = a_record(passages)
    history = MadeHistory({KEY: lambda: passages}, [record], {KEY: STORY})
    return gather(history, record, None, terms or Terms(NOW))


def test_the_outline_of_a_whole_report(whole: str) -> None:
    found = outline(whole)
    headings = [line for line in found.lines if line.startswith(("title", "h1", "h2"))]
    assert headings == [
        "title: os/stable 2.0: release report",
        "h1: os/stable 2.0 spreading",
        "h2: Adoption",
        "h2: Waves",
        "h2: What the publisher did",
        "h2: Failures",
        "h2: What hosts waited for",
        "h2: Slowest hosts",
        "h2: Not through",
        "h2: Beside the release before",
        "h2: What this rests on",
    ]
    assert [line for line in found.lines if line.startswith("dt")] == [
        "dt: Hosts",
        "dt: Succeeded",
        "dt: Failed",
        "dt: Under way",
        "dt: Median",
        "dt: 90 %",
    ]
    assert found.columns[:3] == [
        ["Share", "Hosts", "After", "At (UTC)"],
        [
            *("Wave", "Opened after", "Hosts", "Succeeded", "Failed", "Others"),
            *("Half within", "90 % within", "Last within"),
        ],
        ["Heard (UTC)", "After", "Sequence", "What"],
    ]
    assert found.number_of("figure") == 3
    assert found.number_of("section") == len(headings) - 2


def test_every_plot_has_a_text_alternative_and_every_id_is_unique(whole: str) -> None:
    found = outline(whole)
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    plots = [
        given for tag, given in found.tags if tag == "svg" and (given.get("class") or "").startswith("plot")
    ]
    assert len(plots) == 6
    for given in plots:
        assert set((given["aria-labelledby"] or "").split()) <= set(ids)
    used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', whole)
    assert {one or other for one, other in used} <= set(ids)


def test_nothing_is_loaded_and_nothing_runs(whole: str) -> None:
    found = outline(whole)
    assert {"script", "img", "iframe", "object", "a", "form", "image"} & {
        tag for tag, _ in found.tags
    } == set()
    for tag, given in found.tags:
        assert "style" not in given, tag
        assert not any(name.startswith("on") for name in given), tag
        for name in ("src", "href"):
            assert (given.get(name) or "#").startswith(("#", "data:,")), tag
    style = whole.partition("<style>")[2].partition("</style>")[0]
    assert "@import" not in style
    assert "url(" not in style
    said = next(given["content"] for _, given in found.tags if given.get("http-equiv"))
    assert said == policy(style)
    assert said is not None
    assert said.startswith("default-src 'none'; style-src 'sha256-")


def test_the_same_history_makes_the_same_page() -> None:
    made = [figures(a_passage("a"), a_passage("b", Step.FAILED, code=Code.DISK_FULL)) for _ in range(2)]
    assert render(made[0]) == render(made[1])


def test_what_hosts_say_is_text_and_nothing_else(whole: str) -> None:
    passages = []
    for place, text in enumerate(HOSTILE):
        claims = {text[:200]: 4.0, "staging": 2.0}
        failed = {"durations": claims, "code": list(Code)[place], "reason": text}
        waits = {"waited_for": claims, "waiting_for": text[:200]}
        passages.append(a_passage(f"f{place}", Step.FAILED, 60.0, **failed))
        passages.append(a_passage(f"w{place}", Step.WAITING, 60.0, **waits))
    page = render(figures(*passages), " ".join(each[:20] for each in HOSTILE))
    assert {tag for tag, _ in outline(page).tags} <= {tag for tag, _ in outline(whole).tags}
    assert not [letter for letter in page if unicodedata.category(letter) in {"Cc", "Cf"} and letter != "\n"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert "x" * 500 not in page


def test_a_release_that_nobody_took_up_yet_makes_a_page() -> None:
    found = outline(render(figures()))
    words = " ".join(found.text)
    assert "No host failed." in words
    assert "No host has come to an end yet." in words
    assert "Every host has come to an end." in words


def test_an_anonymous_page_has_no_words_of_hosts() -> None:
    terms = Terms(NOW, disclosure=Disclosure(b"key"))
    page = render(
        figures(a_passage("till-7", Step.FAILED, code=Code.DISK_FULL, reason="on till-7"), terms=terms)
    )
    assert "till-7" not in page
    assert "Names of hosts are made up" in page


def test_the_bar_has_all_hosts_side_by_side() -> None:
    made = figures(a_passage("a"), a_passage("b"), a_passage("c", Step.FAILED), a_passage("d", Step.STAGING))
    assert bar(made) == [
        ("succeeded", "good", 2, 0.0, 500.0),
        ("failed", "bad", 1, 500.0, 250.0),
        ("staging", "window", 1, 750.0, 250.0),
    ]


def test_plots_leave_no_trace_in_matplotlib(whole: str) -> None:
    assert whole
    import matplotlib as mpl  # noqa: PLC0415 -- loaded by the page before

    assert mpl.rcParams["svg.fonttype"] == mpl.rcParamsDefault["svg.fonttype"]
    assert mpl.rcParams["text.parse_math"] is True
