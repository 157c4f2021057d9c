"""Telling the stories of a lake."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from detector.alerts.alert import Alert
from detector.rules.engine import Engine
from detector.severity import Severity
from detector.story.from_lake import (
    Birth,
    Followed,
    Kept,
    Part,
    prepare,
    read_births,
    read_followed,
    read_kept,
    read_parts,
    read_sessions_of,
)
from detector.story.sentence import sentence, who
from detector.story.story import Asked, Counted, Made, Phase, Stories, Story, StoryEvent
from detector.story.weave import Thread, weave

if TYPE_CHECKING:
    from detector.rules.events import Events

_MOST_VALUES: Final = 20
_MOST_MADE: Final = 100
_MOST_NAMED: Final = 2_000  # events of alerts that are kept before all others
_AS_ALL: Final = Asked()


def stories_of(events: Events, alerts: Sequence[Alert] = (), asked: Asked = _AS_ALL) -> Stories:
    """Return the stories of a lake, newest first.

    Args:
        events: of the lake.
        alerts: of `detect` over the same events; each goes to the story that it is about.
        asked: which stories, and how much of each.
    """
    with Engine(events) as engine:
        return tell_stories(engine, alerts, asked)


def tell_stories(engine: Engine, alerts: Sequence[Alert] = (), asked: Asked = _AS_ALL) -> Stories:
    """Return the same through an engine that is open already."""
    prepare(engine)
    parts, beyond = read_parts(engine, asked, _about(alerts))
    births = read_births(engine, [part.session for part in parts])
    threads = weave(parts, births)
    wanted = [thread for thread in threads if _is_wanted(thread, asked)]
    by_session = _alerts_by_session(engine, alerts, parts)
    if len(wanted) > asked.most_stories:
        # The gravest are told, and of these the newest.
        gravest = sorted(wanted, key=lambda thread: -_rank(_severity(_alerts_of(thread, by_session))))
        chosen = {thread.first.session for thread in gravest[: asked.most_stories]}
        beyond += len(wanted) - len(chosen)
        wanted = [thread for thread in wanted if thread.first.session in chosen]
    sessions = [part.session for thread in wanted for part in thread.parts]
    named = _named(alerts)
    kept: defaultdict[str, list[Kept]] = defaultdict(list)
    for one in read_kept(engine, sessions, named, asked.most_events):
        kept[one.session].append(one)
    followed: defaultdict[str, list[Followed]] = defaultdict(list)
    for made in read_followed(engine, sessions, named, asked.most_events):
        followed[made.session].append(made)
    _add_alerts_of_followers(alerts, by_session, followed)
    told = [_story(thread, kept, followed, births, by_session, asked.most_events) for thread in wanted]
    return Stories(tuple(told), beyond)


def _is_wanted(thread: Thread, asked: Asked) -> bool:
    first = thread.first
    return (
        (not asked.accounts or first.account_id in asked.accounts)
        and (asked.since is None or max(part.last_time for part in thread.parts) >= asked.since)
        and (asked.until is None or first.first_time <= asked.until)
        and (asked.story_id is None or any(part.id == asked.story_id for part in thread.parts))
    )


def _story(
    thread: Thread,
    kept: Mapping[str, Sequence[Kept]],
    followed: Mapping[str, Sequence[Followed]],
    births: Iterable[Birth],
    alerts: Mapping[str, Sequence[Alert]],
    most_events: int,
) -> Story:
    first, parts = thread.first, thread.parts
    after = list(chain.from_iterable(followed.get(part.session, ()) for part in parts))
    made = _with_uses([one.made for one in after], thread, births)
    counts = _counts(thread, after)
    addresses = _most(part.addresses for part in parts)
    user_agents = _most(part.user_agents for part in parts)
    about = _alerts_of(thread, alerts)
    last_uses = [one.last_use for one in made if one.last_use is not None]
    return Story(
        id=first.id,
        kind=first.kind,
        account_id=first.account_id,
        key=first.key,
        who=who(first),
        first_time=first.first_time,
        last_time=first.last_time,
        until=max([part.last_time for part in parts] + last_uses),
        addresses=addresses[:_MOST_VALUES],
        address_count=max(len(addresses), *(part.address_count for part in parts)),
        user_agents=user_agents[:_MOST_VALUES],
        user_agent_count=max(len(user_agents), *(part.user_agent_count for part in parts)),
        mfa=first.mfa,
        mfa_device=first.mfa_device,
        counts=counts,
        events=_events(thread, kept, after, most_events),
        made=tuple(made[:_MOST_MADE]),
        made_count=len(made),
        connections=thread.connections,
        parts=tuple(part.id for part in parts),
        alerts=tuple(about),
        severity=_severity(about),
        sentence=sentence(first, addresses, counts, made),
    )


def _counts(thread: Thread, after: Iterable[Followed]) -> dict[Phase, int]:
    """Return how many events there are in each phase; what sessions did that the first one made comes after it."""
    counts = {phase: thread.first.counts.get(phase, 0) for phase in Phase}
    for part in thread.others:
        counts[Phase.BEFORE] += part.counts[Phase.BEFORE]
        counts[Phase.AFTER] += sum(part.counts.values()) - part.counts[Phase.BEFORE]
    counts[Phase.AFTER] += sum(one.made.uses for one in after)
    return counts


def _events(
    thread: Thread, kept: Mapping[str, Sequence[Kept]], after: Iterable[Followed], most: int
) -> tuple[StoryEvent, ...]:
    """Return the most telling events of all sessions of a story, in turns, oldest first."""
    others = {part.session for part in thread.others}
    found = [
        (one.position, _afterwards(one.event) if one.session in others else one.event)
        for part in thread.parts
        for one in kept.get(part.session, ())
    ]
    found += [(one.position, one.event) for made in after for one in made.kept]
    found.sort(key=lambda item: (item[0], _place(item[1])))
    return tuple(sorted((event for _, event in found[:most]), key=_place))


def _afterwards(event: StoryEvent) -> StoryEvent:
    return event if event.phase is Phase.BEFORE else replace(event, phase=Phase.AFTER)


def _place(event: StoryEvent) -> tuple[object, ...]:
    return event.event_time, event.event_id, event.log_file, event.log_file_index


def _with_uses(made: Sequence[Made], thread: Thread, births: Iterable[Birth]) -> list[Made]:
    """Return what was made, root's own keys with what was done with them in the sessions of the story."""
    sessions = {part.session: part for part in thread.others}
    uses: defaultdict[str, list[Part]] = defaultdict(list)
    for birth in births:
        if birth.child in sessions:
            uses[birth.name].append(sessions[birth.child])
    return [
        replace(
            one,
            uses=one.uses + sum(sum(part.counts.values()) for part in uses[one.name]),
            last_use=max(part.last_time for part in uses[one.name]),
        )
        if uses[one.name]
        else one
        for one in sorted(made, key=lambda one: (one.time, one.event_id, one.name))
    ]


def _most(values: Iterable[Iterable[Counted]]) -> tuple[Counted, ...]:
    counts: Counter[str] = Counter()
    for one in chain.from_iterable(values):
        counts[one.value] += one.events
    return tuple(
        Counted(value, events) for value, events in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


# Alerts ---------------------------------------------------------------------------------------------------------------


def _alerts_by_session(engine: Engine, alerts: Sequence[Alert], parts: Iterable[Part]) -> defaultdict[str, list[Alert]]:
    """Return the alerts about each session: those whose subject names it, and those about events attached to it."""
    by_id = {part.id: part for part in parts}
    by_session = {part.session: part for part in by_id.values()}
    stories = {alert.alert_id: str(alert.context.get("story")) for alert in alerts}
    asked = {alert.alert_id: _keys(alert) for alert in alerts if stories[alert.alert_id] not in by_id}
    sessions = read_sessions_of(engine, sorted(set(chain.from_iterable(asked.values())))) if asked else {}
    found: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        if alert.alert_id not in asked:
            found[by_id[stories[alert.alert_id]].session].append(alert)
            continue
        known = [session for key in asked[alert.alert_id] for session in sessions.get(key, ()) if session in by_session]
        known.sort(key=lambda session: by_session[session].account_id != alert.account_id)
        if known:
            found[known[0]].append(alert)
    return found


def _keys(alert: Alert) -> list[str]:
    """Return the events that say most of what an alert is about."""
    keys = [alert.subject.event_id, *alert.event_ids[:1], *alert.event_ids[-1:]]
    return list(dict.fromkeys(key for key in keys if key is not None))


def _add_alerts_of_followers(
    alerts: Iterable[Alert], found: defaultdict[str, list[Alert]], followed: Mapping[str, Iterable[Followed]]
) -> None:
    """Add alerts about what was done by what root made, where that is kept."""
    sessions = {kept.event.event_id: session for session, some in followed.items() for one in some for kept in one.kept}
    placed = {alert.alert_id for some in found.values() for alert in some}
    for alert in alerts:
        session = next((sessions[key] for key in _keys(alert) if key in sessions), None)
        if session is not None and alert.alert_id not in placed:
            found[session].append(alert)


def _alerts_of(thread: Thread, by_session: Mapping[str, Sequence[Alert]]) -> list[Alert]:
    found = chain.from_iterable(by_session.get(part.session, ()) for part in thread.parts)
    return sorted(found, key=lambda alert: (alert.event_time, alert.rule_id, alert.alert_id))


def _severity(alerts: Iterable[Alert]) -> Severity:
    return max((alert.severity for alert in alerts if alert.suppressed_by is None), key=_rank, default=Severity.INFO)


def _rank(severity: Severity) -> int:
    return list(Severity).index(severity)


def _about(alerts: Iterable[Alert]) -> list[str]:
    """Return what alerts are about, the gravest first: the id of a session, and events where none is named."""
    ordered = ((alert.context.get("story"), alert) for alert in _gravest_first(alerts))
    # Rules of people's own may put anything there.
    found = ([story] if isinstance(story, str) else _keys(alert) for story, alert in ordered)
    return list(dict.fromkeys(chain.from_iterable(found)))


def _named(alerts: Iterable[Alert]) -> list[str]:
    """Return the events that alerts are about, those of the gravest first."""
    keys = (alert.subject.event_id for alert in _gravest_first(alerts))
    return list(dict.fromkeys(key for key in keys if key is not None))[:_MOST_NAMED]


def _gravest_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Return the alerts that are not suppressed."""
    heard = (alert for alert in alerts if alert.suppressed_by is None)
    return sorted(heard, key=lambda alert: (-_rank(alert.severity), alert.event_time, alert.alert_id))
