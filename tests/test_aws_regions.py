"""Partitions and regions, held to botocore's endpoint data and to the SQL that rules use."""

from __future__ import annotations

import botocore.session
import pytest

from detector.aws_regions import COMMERCIAL, PARTITIONS, is_region, partition_of, sign_in_region
from detector.records.schema import EVENTS
from detector.rules.engine import Engine
from detector.rules.events import TableEvents

ENDPOINTS = botocore.session.get_session().get_data("endpoints")["partitions"]
REGIONS = [(partition["partition"], region) for partition in ENDPOINTS for region in partition["regions"]]


@pytest.mark.parametrize(("partition", "region"), REGIONS)
def test_a_region_of_aws_has_the_form_of_one_and_its_partition(partition: str, region: str) -> None:
    assert is_region(region)
    assert partition_of(region) == partition


def test_the_sign_in_region_is_that_of_iam() -> None:
    known = 0
    for partition in ENDPOINTS:
        iam = partition["services"].get("iam", {})
        if "partitionEndpoint" in iam:
            known += 1
            scope = iam["endpoints"][iam["partitionEndpoint"]]["credentialScope"]
            assert sign_in_region(partition["partition"]) == scope["region"]
        assert sign_in_region(partition["partition"]) in partition["regions"]
    assert known >= 5


def test_an_unknown_region_is_taken_for_one_of_most() -> None:
    assert partition_of(None) == partition_of("mars-north-1") == "aws"
    assert sign_in_region("aws-mars") == "us-east-1"
    assert not is_region("my-logs-1")


def test_sql_says_the_same() -> None:
    with Engine(TableEvents(EVENTS.empty_table())) as engine:
        for partition, region in REGIONS:
            query = "SELECT partition_of($region) AS partition, is_sign_in_region($region) AS signs_in FROM range(1)"
            [row] = engine.query(query, {"region": region}).read_all().to_pylist()
            assert row == {"partition": partition, "signs_in": region == sign_in_region(partition)}
    assert {one.name for one in (*PARTITIONS, COMMERCIAL)} == {partition for partition, _ in REGIONS}
