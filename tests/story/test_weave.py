"""Which sessions are told together, whatever births the log claims."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from detector.story.from_lake import Birth, Part
from detector.story.story import Counted, Link, MadeKind, Phase, StoryKind
from detector.story.weave import MOST_CONNECTIONS, Thread, weave

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def part(
    name: str,
    hours: float = 0,
    *,
    kind: StoryKind = StoryKind.SESSION,
    address: str = "198.51.100.7",
    openings: tuple[float, float] | None = None,
    first: datetime | None = None,
) -> Part:
    moment = first or BEGIN + timedelta(hours=hours)
    return Part(
        session=name,
        id=f"id of {name}",
        kind=kind,
        account_id="111122223333",
        key=name,
        first_time=moment,
        last_time=moment,
        counts=dict.fromkeys(Phase, 0),
        failures_before=0,
        opened_by=(),
        addresses=(Counted(address, 1),),
        address_count=1,
        user_agents=(),
        user_agent_count=0,
        openings=openings and (BEGIN + timedelta(hours=openings[0]), BEGIN + timedelta(hours=openings[1])),
        mfa="no",
        mfa_device=None,
        assumed_by=None,
    )


def birth(child: str, parent: str, hours: float = 0, kind: MadeKind = MadeKind.KEY) -> Birth:
    return Birth(child, parent, kind, "AKIA", BEGIN + timedelta(hours=hours))


def links(threads: list[Thread]) -> set[tuple[str, str, Link, bool]]:
    return {(one.first.session, to.story_id[6:], to.link, to.is_later) for one in threads for to in one.connections}


PARTS = st.lists(
    st.builds(
        part,
        st.sampled_from("abcdefgh"),
        st.integers(0, 200),
        kind=st.sampled_from(list(StoryKind)),
        address=st.sampled_from(["198.51.100.7", "203.0.113.9", "AWS Internal"]),
        openings=st.none() | st.tuples(st.integers(0, 100), st.integers(100, 200)),
    ),
    unique_by=lambda one: one.session,
)
BIRTHS = st.lists(
    st.builds(birth, st.sampled_from("abcdefghx"), st.sampled_from("abcdefghx"), st.integers(0, 200)), max_size=12
)


@given(PARTS, BIRTHS, st.randoms(use_true_random=False))
def test_each_session_is_told_once_and_the_order_does_not_matter(
    parts: list[Part], births: list[Birth], random: object
) -> None:
    births = sorted(births, key=lambda one: (one.child, one.time, one.parent))
    threads = weave(parts, births)
    assert sorted(one.session for thread in threads for one in thread.parts) == sorted(one.session for one in parts)
    assert [thread.first.first_time for thread in threads] == sorted(
        (thread.first.first_time for thread in threads), reverse=True
    )
    for thread in threads:
        assert all(thread.first.first_time <= other.first_time for other in thread.others)
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert weave(shuffled, births) == threads


@given(PARTS, BIRTHS)
def test_a_connection_is_told_on_both_sides_and_leads_to_a_story(parts: list[Part], births: list[Birth]) -> None:
    threads = weave(parts, births)
    told = {thread.first.session for thread in threads}
    found = links(threads)
    for one, other, link, is_later in found:
        assert other in told - {one}
        assert (other, one, link, not is_later) in found


def test_what_is_made_by_what_was_made_is_told_with_the_first() -> None:
    [thread] = weave([part("a"), part("b", 1), part("c", 2)], [birth("b", "a", 1), birth("c", "b", 2)])
    assert [one.session for one in thread.parts] == ["a", "b", "c"]


def test_sessions_that_claim_to_have_made_each_other_are_two_stories() -> None:
    threads = weave([part("a"), part("b")], [birth("a", "b"), birth("b", "a")])
    assert [[one.session for one in thread.parts] for thread in threads] == [["a", "b"]]


def test_a_key_that_is_used_after_a_day_is_connected() -> None:
    within, after = (weave([part("a"), part("b", hours)], [birth("b", "a")]) for hours in (24, 25))
    assert len(within) == 1
    assert links(after) == {("a", "b", Link.MADE_KEY, True), ("b", "a", Link.MADE_KEY, False)}
    session = weave([part("a"), part("b", 25)], [birth("b", "a", kind=MadeKind.SESSION)])
    assert ("a", "b", Link.MADE_SESSION, True) in links(session)


def test_a_sign_in_is_connected_with_what_opened_the_way_for_three_days() -> None:
    opener = part("a", openings=(1, 2), address="203.0.113.9")
    assert ("a", "b", Link.OPENED, True) in links(weave([opener, part("b", 74)], []))
    assert links(weave([opener, part("b", 75)], [])) == set()
    assert links(weave([opener, part("b", 0.5)], [])) == set()
    assert links(weave([opener, part("b", 3, kind=StoryKind.ASSUME_ROOT)], [])) == set()


def test_one_address_connects_neighbours_within_a_week() -> None:
    week = weave([part("a"), part("b", 168), part("c", 169)], [])
    assert links(week) == {
        *(("a", "b", Link.SAME_ADDRESS, True), ("b", "a", Link.SAME_ADDRESS, False)),
        *(("b", "c", Link.SAME_ADDRESS, True), ("c", "b", Link.SAME_ADDRESS, False)),
    }
    assert links(weave([part("a"), part("b", 169)], [])) == set()
    assert links(weave([part("a", address="AWS Internal"), part("b", 1, address="AWS Internal")], [])) == set()


def test_connections_are_bounded_and_no_date_is_too_late() -> None:
    many = [part(f"k{number}", 30 + number) for number in range(100)]
    threads = weave([part("a"), *many], [birth(one.session, "a") for one in many])
    assert len(threads[-1].connections) == MOST_CONNECTIONS
    last = part("z", first=END_OF_TIME, openings=(0, 1))
    assert len(weave([part("a"), last], [Birth("z", "a", MadeKind.KEY, "AKIA", END_OF_TIME)])) == 1
