"""Readers on other machines, with a role of their own, against moto's server."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from typing import Any

import pytest

from detector.errors import CredentialsError
from detector.scope import Scope
from detector.sources.log_source import LogObject
from detector.sources.opening import open_source
from detector.sources.s3_own_role import _session
from tests.sources.test_s3 import US

Bucket = Any  # the fixture's class lives in conftest.py, which cannot be imported


def test_readers_elsewhere_sign_in_themselves_and_are_sent_no_key(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(US, body=b"\x1f\x8b stored")
    source = open_source(f"s3://{bucket.name}", replace(bucket.options, readers_sign_in=True))
    [item] = source.list(Scope())
    assert isinstance(item, LogObject)
    sent = pickle.dumps(source.reader())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert os.environ[name].encode() not in sent
    assert list(pickle.loads(sent).read([item])) == [(item, b"\x1f\x8b stored")]
    _session.cache_clear()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(CredentialsError):
        pickle.loads(sent).read([item])
    _session.cache_clear()
