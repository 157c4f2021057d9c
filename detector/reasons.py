"""Why something is not read: the closed list. Each reason says positively what else a thing is, or who left it out.

`python -m fixtures.skipped` writes docs/reference/what-is-skipped.md from it.
"""

from __future__ import annotations

from enum import Enum, StrEnum


class Kind(StrEnum):
    """What is not read; also the headings of the page."""

    FILE_BY_NAME = "Files, by their name"
    FILE_BY_CONTENT = "Files, by their content"
    FOLDER = "Folders"
    INVENTORY = "Objects, by what an inventory says"
    SCOPE = "What was not asked for"
    MESSAGE = "Messages of a queue"


class Reason(Enum):
    """One reason: what it concerns, its words, with names in braces for what differs, and why it is one."""

    FOLDER_MARKER = (Kind.FILE_BY_NAME, "folder marker", "the key ends with a slash: consoles make such for folders")
    HIDDEN_FILE = (Kind.FILE_BY_NAME, "hidden file", "its name begins with a dot")
    LOAD_BALANCER_TEST = (
        Kind.FILE_BY_NAME,
        "test file of Elastic Load Balancing",
        "`ELBAccessLogTestFile`, which AWS writes when access logs are switched on",
    )
    NOTE = (Kind.FILE_BY_NAME, "not a log file by its name", "README, LICENSE and the like")
    OTHER_EXTENSION = (Kind.FILE_BY_NAME, ".{extension} file", "an extension of other files: {extensions}")
    SIBLING = (
        Kind.FILE_BY_NAME,
        "{kind}: {what}",
        "digests, Insights, network activity and aggregated events, which CloudTrail keeps beside its logs",
    )
    OTHER_SERVICE = (
        Kind.FILE_BY_NAME,
        "{kind}: logs of another service",
        "it lies in `AWSLogs/ACCOUNT/` below the folder of another service; so do whole folders",
    )
    SPECIAL_FILE = (Kind.FILE_BY_NAME, "{what}", "a named pipe, a socket or a device is no file")
    EMPTY_FILE = (
        Kind.FILE_BY_NAME,
        "empty file",
        "0 bytes, and no name of CloudTrail's: `_SUCCESS`, `_$folder$`; under a trail's own name it has failed",
    )
    PART_OF_A_LAKE = (Kind.FILE_BY_NAME, "a file of a lake", "a part that this program wrote, told of by a message")

    PARQUET = (Kind.FILE_BY_CONTENT, "Parquet file", "its first bytes say so")
    S3_ACCESS_LOG = (Kind.FILE_BY_CONTENT, "S3 server access log", "its first line has that form")
    S3_NOTIFICATION = (Kind.FILE_BY_CONTENT, "S3 event notification", "all its records have the source `aws:s3`")
    OTHER_EVENT = (
        Kind.FILE_BY_CONTENT,
        "{source} event, not CloudTrail",
        "all its records have the source of a notification, `aws:…`",
    )
    INSIGHTS = (Kind.FILE_BY_CONTENT, "CloudTrail Insights", "all its records are of the category Insight")
    ALERTS = (Kind.FILE_BY_CONTENT, "detector alerts", "alerts of this program, which hold the records they are about")
    DIGEST = (Kind.FILE_BY_CONTENT, "CloudTrail digest", "it has `digestStartTime` and no record; `verify` reads it")
    OTHER_JSON = (
        Kind.FILE_BY_CONTENT,
        "JSON, but no CloudTrail records",
        "no value in it has `eventSource` and `eventTime`, at any depth and in any case of letters",
    )
    EMPTY_ARRAY = (Kind.FILE_BY_CONTENT, "an empty array", "nothing is in it")
    OTHER_TEXT = (
        Kind.FILE_BY_CONTENT,
        "text without CloudTrail records, and not named as a log",
        "it is no JSON, has no `eventSource` and `eventTime`, and its name is not that of a log",
    )
    UNPLACED = (
        Kind.FILE_BY_NAME,
        "it does not lie in CloudTrail's own folders, ACCOUNT/CloudTrail/REGION/YYYY/MM/DD",
        "`verify` alone: no digest can speak of such a file",
    )

    LAKE = (Kind.FOLDER, "the lake, not logs", "`--lake` names it; any other lake among the logs has failed")
    LINK = (Kind.FOLDER, "link to a directory, not followed", "it may lead anywhere, and around in circles")
    HIDDEN_DIRECTORY = (Kind.FOLDER, "hidden directory", "its name begins with a dot")
    BESIDE_PREFIX = (Kind.FOLDER, "beside the prefix, which is empty", "named to say what is there instead")

    DELETE_MARKER = (
        Kind.INVENTORY,
        "delete marker",
        "an object was deleted, and a listing does not name it either; `verify` tells whether a log file is missing",
    )
    OLDER_VERSION = (Kind.INVENTORY, "older version of an object", "a listing names only the newest, as it is read")

    OTHER_ACCOUNT = (Kind.SCOPE, "account {account} is not asked for", "`--account`")
    OTHER_REGION = (Kind.SCOPE, "region {region} is not asked for", "`--region`")
    BEFORE = (Kind.SCOPE, "delivered before {moment}", "`--since`, or what `watch` has read already")
    AFTER = (Kind.SCOPE, "delivered after {moment}", "`--until`, with `--look-ahead-days`")
    OTHER_DAYS = (Kind.SCOPE, "only the days {days} were listed", "`--since` and `--until`: other days cost no request")
    AFTER_INVENTORY = (
        Kind.SCOPE,
        "delivered after the inventory of {moment}, {age}: name {source} with --since {day} as well",
        "`inventory:` knows what was in the bucket then",
    )
    OTHER_SESSION = (
        Kind.SCOPE,
        "account {account} is not asked for, and --profile or --role-arn lead to no other",
        "`lookup-events:` knows the account of the credentials",
    )
    TOO_OLD = (Kind.SCOPE, "before {moment}: LookupEvents keeps {days} days", "nobody can ask for what is older")
    OTHER_REGIONS = (
        Kind.SCOPE,
        "only these regions are looked up: {regions}",
        "`lookup-events:` asks region by region",
    )

    GREETING = (Kind.MESSAGE, "its greeting to a new topic", "CloudTrail's, when a trail is given a topic")
    TEST = (Kind.MESSAGE, "its test of a new notification", "S3's, when a notification is set up")
    SUBSCRIPTION = (
        Kind.MESSAGE,
        "{kind}: answer it with `aws sns confirm-subscription`, not through this program",
        "SNS's; its URL is never fetched",
    )
    NO_CREATION = (
        Kind.MESSAGE,
        "{name}, not the creation of an object",
        "one of the other kinds of events that S3 has; whatever is neither a creation nor one of those is kept",
    )
    INSIGHTS_EVENT = (Kind.MESSAGE, "Insights events", "EventBridge's, of the type AwsCloudTrailInsight")

    @property
    def kind(self) -> Kind:
        """What it concerns."""
        return self.value[0]

    @property
    def words(self) -> str:
        """The words, with names in braces."""
        return self.value[1]

    @property
    def why(self) -> str:
        """Why it is a reason."""
        return self.value[2]

    def of(self, **names: object) -> str:
        """Return the words for one thing."""
        return self.words.format(**names) if names else self.words
