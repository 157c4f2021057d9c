"""Values for the places in a call's template: ids, names and times as an account of AWS has them, from a seed."""

# ruff: noqa: D102 - the places' names say it
from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Final

_WORDS: Final = (
    ("billing", "catalogue", "checkout", "fraud", "ingest", "ledger", "mail", "orders", "pricing", "search", "stock"),
    ("api", "backup", "cache", "consumer", "cron", "export", "gateway", "loader", "index", "web", "worker"),
)
_PEOPLE: Final = ("alice", "bob", "carol", "dana", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj")
_BASE32: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO_BASE32: Final = bytes(ord(_BASE32[byte & 31]) for byte in range(256))
_TO_BASE62: Final = bytes(
    ord("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[byte % 62]) for byte in range(256)
)


class Filler:
    """One file's source of values. A public method without arguments is a place that templates may name."""

    def __init__(self, account: str, region: str, delivered: datetime, seed: str) -> None:
        self.random = Random(seed)  # noqa: S311 - test data
        # What exists in an account does not change from file to file.
        self._resources = _resources(account, region)
        self._account = account
        self._region = region
        self._delivered = delivered
        self._hex = ""
        self._at = 0
        self._moment = ""
        # Of the event at hand; set by events.py.
        self.caller: tuple[str, str, str, str] = ("", "", "", "")

    def new_event(self, progress: float) -> None:
        """Go on to an event of the seven minutes before delivery: roughly in order, as `progress` goes from 0 to 1."""
        late = 400 - int(380 * progress) + int(self.random.random() * 20)
        self._moment = f"{(self._delivered - timedelta(seconds=late)).isoformat()}Z"

    def hex(self, length: int) -> str:
        """Return random hexadecimal digits."""
        start = self._at
        self._at += length
        if self._at > len(self._hex):
            self._hex = self.random.randbytes(4096).hex()
            start, self._at = 0, length
        return self._hex[start : self._at]

    def pick(self, choices: Sequence[str]) -> str:
        """Return one of `choices`."""
        return choices[int(self.random.random() * len(choices))]

    def _text(self, length: int, alphabet: bytes) -> str:
        return self.random.randbytes(length).translate(alphabet).decode()

    # Who, when and where.

    def identity(self) -> str:
        return self.caller[0]

    def source_ip(self) -> str:
        return self.caller[1]

    def user_agent(self) -> str:
        return self.caller[2]

    def tail(self) -> str:
        return self.caller[3].replace("REGION", self._region)

    def account(self) -> str:
        return self._account

    def region(self) -> str:
        return self._region

    def time(self) -> str:
        return self._moment

    def session_start(self) -> str:
        moment = self._delivered - timedelta(seconds=420 + int(self.random.random() * 3000))
        return f"{moment.isoformat()}Z"

    def later(self) -> str:
        moment = self._delivered + timedelta(seconds=3600 + int(self.random.random() * 3000))
        return f"{moment:%b} {moment.day}, {moment:%Y, %I:%M:%S %p}"

    def epoch_ms(self) -> str:
        return str(1_770_000_000_000 + int(self.random.random() * 4_000_000_000))

    # Ids that never come again.

    def uuid(self) -> str:
        digits = self.hex(32)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def temporary_key(self) -> str:
        return f"ASIA{self._text(16, _TO_BASE32)}"

    def host_id(self) -> str:
        return b64encode(self.random.randbytes(57)).decode()

    def digest(self) -> str:
        return b64encode(self.random.randbytes(32)).decode()

    def token(self) -> str:
        return f"IQoJb3JpZ2luX2VjE{self._text(183, _TO_BASE62)}"

    def token_short(self) -> str:
        return self._text(88, _TO_BASE62)

    def token6(self) -> str:
        return self._text(6, _TO_BASE62)

    def upper17(self) -> str:
        return self._text(17, _TO_BASE32)

    def upper26(self) -> str:
        return self._text(26, _TO_BASE32)

    def hex2(self) -> str:
        return self.hex(2)

    def hex16(self) -> str:
        return self.hex(16)

    def hex17(self) -> str:
        return self.hex(17)

    def hex32(self) -> str:
        return self.hex(32)

    def hex40(self) -> str:
        return self.hex(40)

    def hex64(self) -> str:
        return self.hex(64)

    def eni(self) -> str:
        return f"eni-0{self.hex(16)}"

    def volume(self) -> str:
        return f"vol-0{self.hex(16)}"

    def private_ip(self) -> str:
        return f"10.{int(self.random.random() * 256)}.{int(self.random.random() * 256)}.{self.small()}"

    def public_ip(self) -> str:
        block = self.pick(("192.0.2", "198.51.100", "203.0.113"))
        return f"{block}.{int(self.random.random() * 256)}"

    # What the account has.

    def instance(self) -> str:
        return self.pick(self._resources.instances)

    def name(self) -> str:
        return self.pick(self._resources.names)

    function = queue = group = table = name

    def role(self) -> str:
        return self.pick(self._resources.roles)

    def role_id(self) -> str:
        return self.pick(self._resources.role_ids)

    def session(self) -> str:
        return self.pick(self._resources.names) if self.random.random() < 0.3 else str(self.epoch_ms())

    def user(self) -> str:
        return self.pick(_PEOPLE)

    def long_term_key(self) -> str:
        return self.pick(self._resources.long_term_keys)

    def bucket(self) -> str:
        return self.pick(self._resources.buckets)

    def kms_key(self) -> str:
        return self.pick(self._resources.kms_keys)

    def key_material(self) -> str:
        return self.pick(self._resources.key_materials)

    def security_group(self) -> str:
        return self.pick(self._resources.security_groups)

    def subnet(self) -> str:
        return self.pick(self._resources.subnets)

    def vpc(self) -> str:
        return self.pick(self._resources.vpcs)

    def ami(self) -> str:
        return self.pick(self._resources.amis)

    # Numbers and lists.

    def small(self) -> str:
        return str(1 + int(self.random.random() * 250))

    def number(self) -> str:
        return str(int(self.random.random() * 10_000))

    def size(self) -> str:
        return str(int(self.random.random() ** 3 * 5_000_000))

    def duration(self) -> str:
        return self.pick(("900", "3600", "21600"))

    def instance_items(self) -> str:
        return self._items("instanceId")

    def value_items(self) -> str:
        return self._items("value")

    def _items(self, key: str) -> str:
        count = 1 + int(self.random.random() ** 4 * 24)
        return "[" + ",".join(f'{{"{key}":"{self.instance()}"}}' for _ in range(count)) + "]"


class _Resources:
    """What one account has in one region."""

    def __init__(self, account: str, region: str) -> None:
        random = Random(f"{account} {region}")  # noqa: S311 - test data

        def some(count: int, prefix: str, digits: int = 16) -> tuple[str, ...]:
            return tuple(f"{prefix}{random.getrandbits(4 * digits):0{digits}x}" for _ in range(count))

        self.names = tuple("-".join(random.choice(words) for words in _WORDS) for _ in range(40))
        self.roles = self.names
        self.role_ids = tuple("AROA" + "".join(random.choices(_BASE32, k=17)) for _ in range(60))
        self.long_term_keys = tuple("AKIA" + "".join(random.choices(_BASE32, k=16)) for _ in range(20))
        self.buckets = tuple(f"{name}-{account}-{region}" for name in self.names[:30])
        self.instances = some(400, "i-0")
        self.security_groups = some(60, "sg-0")
        self.subnets = some(12, "subnet-0")
        self.vpcs = some(3, "vpc-0")
        self.amis = some(10, "ami-0")
        self.kms_keys = tuple(
            f"arn:aws:kms:{region}:{account}:key/{key[:8]}-{key[8:12]}-4{key[13:16]}-9{key[17:20]}-{key[20:]}"
            for key in some(25, "", 32)
        )
        self.key_materials = some(25, "", 64)


@lru_cache
def _resources(account: str, region: str) -> _Resources:
    return _Resources(account, region)
