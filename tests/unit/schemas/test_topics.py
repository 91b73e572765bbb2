"""The topic grammar: what may be a level of a topic, and that topics are read as they were made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_schemas import limits
from tidegate_schemas.base import HOST_PATTERN, NAME_PATTERN
from tidegate_schemas.codes import Code
from tidegate_schemas.topics import TopicError, Topics, check_host, check_name

HOSTS = st.from_regex(HOST_PATTERN, fullmatch=True)
NAMES = st.from_regex(NAME_PATTERN, fullmatch=True)
PREFIXES = st.lists(HOSTS, min_size=1, max_size=5).map("/".join)
BAD_HOSTS = {
    "empty": "",
    "single-level wildcard": "+",
    "wildcard inside": "edge+1",
    "multi-level wildcard": "#",
    "slash": "edge/1",
    "leading slash": "/edge",
    "newline at the end": "edge-1\n",
    "carriage return": "edge-1\r",
    "null": "edge\x00",
    "escape": "edge\x1b[2J",
    "delete": "edge\x7f",
    "space": "edge 1",
    "non-breaking space": "edge\u00a01",
    "Cyrillic letter": "\u0435dge-1",
    "full-width letter": "\uff45dge-1",
    "fraction slash": "edge\u20441",
    "full-width slash": "edge\uff0f1",
    "zero-width joiner": "edge\u200d1",
    "right-to-left override": "edge\u202e1",
    "Arabic digit": "edge-\u0661",
    "combining accent": "e\u0301dge",
    "lone surrogate": "edge\ud800",
    "65 characters": "e" * 65,
    "leading dash": "-edge",
    "leading dot": ".edge",
    "system topic": "$SYS",
    "shell": "$(reboot)",
}


@pytest.mark.parametrize("host", BAD_HOSTS.values(), ids=BAD_HOSTS)
def test_bad_host_ids_are_refused(host: str) -> None:
    topics = Topics()
    for call in (check_host, topics.status, topics.will, topics.events, topics.requests):
        with pytest.raises(TopicError) as caught:
            call(host)
        assert caught.value.code is Code.HOST_ID
    assert topics.parse_host(f"tidegate/v1/hosts/{host}/status") is None


@pytest.mark.parametrize("name", [*BAD_HOSTS.values(), "Stable", "stAble"], ids=[*BAD_HOSTS, "A", "b"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(TopicError) as caught:
        check_name("product", name)
    assert caught.value.code is Code.TOPIC_INVALID
    for made in ((name, "stable"), ("os", name)):
        with pytest.raises(TopicError):
            Topics().channel(*made)
        assert Topics().parse_channel("tidegate/v1/channels/" + "/".join(made)) is None


def test_an_error_does_not_print_the_id_as_it_came() -> None:
    with pytest.raises(TopicError) as caught:
        check_host("\x1b[2J" + "x" * 5000)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("host", ["e", "E" * 64, "edge-1", "edge.example.org", "0", "A_b"])
def test_good_host_ids_are_taken(host: str) -> None:
    assert check_host(host) == host


@given(PREFIXES, NAMES, NAMES)
def test_a_channel_topic_is_read_as_it_was_made(prefix: str, product: str, channel: str) -> None:
    topics = Topics(prefix)
    topic = topics.channel(product, channel)
    assert topics.parse_channel(topic) == (product, channel)
    assert topics.parse_host(topic) is None
    assert topic.count("/") <= limits.TOPIC_SLASHES


@given(PREFIXES, HOSTS)
def test_a_host_topic_is_read_as_it_was_made(prefix: str, host: str) -> None:
    topics = Topics(prefix)
    leaves = (topics.status, topics.will, topics.events, topics.requests)
    made = {leaf.__name__: leaf(host) for leaf in leaves}
    for leaf, topic in made.items():
        assert topics.parse_host(topic) == (host, leaf)
        assert topics.parse_channel(topic) is None
        assert topic.count("/") <= limits.TOPIC_SLASHES


@given(st.text(alphabet="tidegate/v1chnlsos+#-\n", max_size=60))
def test_what_is_read_can_be_made_again(topic: str) -> None:
    topics = Topics("t")
    for text in (topic, f"t/channels/{topic}", f"t/hosts/{topic}", f"t/hosts/{topic}/events"):
        if (channel := topics.parse_channel(text)) is not None:
            assert topics.channel(*channel) == text
        if (host := topics.parse_host(text)) is not None:
            assert text == getattr(topics, host[1])(host[0])


@pytest.mark.parametrize("prefix", ["", "/t", "t/", "t//v1", "t/+", "#", "a/b/c/d/e/f", "t\n", "$share/g/t"])
def test_bad_prefixes_are_refused(prefix: str) -> None:
    with pytest.raises(TopicError) as caught:
        Topics(prefix)
    assert caught.value.code is Code.TOPIC_INVALID


@pytest.mark.parametrize(
    "topic",
    [
        "tidegate/v1/channels/os",
        "tidegate/v1/channels/os/stable/",
        "tidegate/v1/channels/os/stable/more",
        "tidegate/v1/channels//stable",
        "tidegate/v2/channels/os/stable",
        "xtidegate/v1/channels/os/stable",
        "tidegate/v1/hosts/edge-1",
        "tidegate/v1/hosts/edge-1/other",
        "tidegate/v1/hosts/edge-1/status/x",
        "",
    ],
)
def test_other_topics_are_nobodys(topic: str) -> None:
    assert Topics().parse_channel(topic) is None
    assert Topics().parse_host(topic) is None


def test_filters_select_what_they_name() -> None:
    topics = Topics("fleet")
    assert (topics.all_channels, topics.all_events, topics.all_status) == (
        "fleet/channels/+/+",
        "fleet/hosts/+/events",
        "fleet/hosts/+/status",
    )
