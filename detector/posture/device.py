"""Root's MFA devices: when each was enrolled, used and removed, by whom and from where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

KINDS = {
    "fido": "passkey or security key",  # the serial does not tell which
    "virtual": "virtual device",
    "sms": "text messages",
    "hardware": "hardware token",
    "unknown": "device of an unknown kind",
}

_ARN = re.compile(r"arn:[^:]*:iam::[0-9]*:(?P<name>(?P<type>[^/]+)/.+)")
_TYPES = {"u2f": "fido", "mfa": "virtual", "sms-mfa": "sms"}
_VENDORS = re.compile(r"[A-Za-z0-9-]{6,64}")


def kind_of(serial: str) -> str:
    """Return the kind of a device by its serial number, as `_root_device_events.sql` does."""
    if arn := _ARN.fullmatch(serial):
        return _TYPES.get(arn["type"], "unknown")
    return "hardware" if _VENDORS.fullmatch(serial) else "unknown"


def name_of(serial: str) -> str:
    """Return the name of a device: `u2f/root/vault-1`; a serial number without an ARN is a vendor's."""
    arn = _ARN.fullmatch(serial)
    return arn["name"] if arn else serial


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """One thing that happened to a device."""

    account_id: str
    serial: str | None  # None: the record does not name it
    name: str | None
    kind: str
    act: str  # enrolled, used, synchronised, removed
    time: datetime  # aware, UTC
    actor: str
    source_ip: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Device:
    """The life of one serial number as logs show it. None: not seen."""

    account_id: str
    serial: str | None
    name: str
    kind: str
    enrolled: DeviceEvent | None
    used: DeviceEvent | None  # the last time
    removed: DeviceEvent | None  # after it was last enrolled or used


def devices_of(events: Iterable[DeviceEvent]) -> list[Device]:
    """Return the devices of all accounts, those of an account in the order of their serial numbers."""

    def place(event: DeviceEvent) -> tuple[str, str]:
        return event.account_id, event.serial or ""

    ordered = sorted(events, key=lambda event: (place(event), event.time, event.act == "removed", event.event_id))
    return [_device(list(same)) for _, same in groupby(ordered, key=place)]


def _device(events: list[DeviceEvent]) -> Device:
    """Return what a device's events, oldest first, come to."""
    last = {event.act: event for event in events}
    removed = last.get("removed")
    is_back = removed is not None and events[-1].act != "removed"
    return Device(
        account_id=events[0].account_id,
        serial=events[0].serial,
        name=events[0].name or "(not named)",
        kind=events[0].kind,
        enrolled=last.get("enrolled"),
        used=last.get("used") or last.get("synchronised"),
        removed=None if is_back else removed,
    )
