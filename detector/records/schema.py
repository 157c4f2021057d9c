"""The table `events`: the only place that knows which CloudTrail field goes into which column.

Source: "CloudTrail record contents", "CloudTrail userIdentity element" and "Supported SQL schemas for event data
stores", AWS CloudTrail User Guide.

A member of a struct may be added: parts that were written before are read without it, and what it would have held is in
their `extra`. No column may be added or taken away, for then parts could not be read side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import msgspec
import pyarrow as pa


class Kind(Enum):
    """The column that keeps a field."""

    TEXT = "a JSON string"
    BOOLEAN = "true or false"
    JSON = "any JSON value, as text exactly as written"
    STRUCT = "an object with known fields"


class Null(Enum):
    """The meaning of NULL in a column."""

    ABSENT = "the field is absent"
    EXPLICIT = "the field is null"
    NEVER = "the field is absent; a null is kept as a value"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record and the column, or struct member, that holds it."""

    name: str
    kind: Kind = Kind.TEXT
    fields: tuple[Field, ...] = ()
    # What NULL in the column means. ABSENT: an explicit null is noted in `extra`. EXPLICIT: CloudTrail itself writes
    # null here, so that it is absence which is noted. NEVER: a member of JSON text, where null is the text `null`.
    null: Null = Null.ABSENT


def _struct(name: str, *fields: Field | str) -> Field:
    return Field(name, Kind.STRUCT, tuple(Field(f) if isinstance(f, str) else f for f in fields))


def _json(name: str, null: Null = Null.ABSENT) -> Field:
    return Field(name, Kind.JSON, null=null)


USER_IDENTITY = _struct(
    "userIdentity",
    "type",
    "principalId",
    "arn",
    "accountId",
    "accessKeyId",
    "userName",
    "invokedBy",
    "identityProvider",
    "credentialId",
    _struct(
        "sessionContext",
        _struct("sessionIssuer", "type", "principalId", "arn", "accountId", "userName"),
        _struct("webIdFederationData", "federatedProvider", _json("attributes", Null.NEVER)),
        _struct("attributes", "creationDate", "mfaAuthenticated", "sessionCredentialFromConsole"),
        "sourceIdentity",
        "ec2RoleDelivery",
        "ec2IssuedInVPC",
        "assumedRoot",
        "signInSessionArn",
    ),
    _struct("onBehalfOf", "userId", "identityStoreArn"),
    _struct("inScopeOf", "sourceArn", "sourceAccount", "issuerType", "credentialsIssuedTo"),
    _struct("invokedByDelegate", "accountId"),
)

RECORD = _struct(
    "record",
    "eventVersion",
    USER_IDENTITY,
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    _json("requestParameters", Null.EXPLICIT),
    _json("responseElements", Null.EXPLICIT),
    _json("additionalEventData"),
    "requestID",
    "eventID",
    Field("readOnly", Kind.BOOLEAN),
    "eventType",
    "apiVersion",
    Field("managementEvent", Kind.BOOLEAN),
    _json("resources"),
    "recipientAccountId",
    _json("serviceEventDetails"),
    "sharedEventID",
    "vpcEndpointId",
    "vpcEndpointAccountId",
    "eventCategory",
    _json("addendum"),
    "sessionCredentialFromConsole",
    _json("edgeDeviceDetails"),
    _json("tlsDetails"),
    _json("insightDetails"),
    _json("eventContext"),
)

# Columns whose texts never repeat.
UNIQUE = ("eventID", "eventKey", "requestID")
EVENT_TIME = "eventTime"
# In `extra`, under the name of a field whose column is NULL for an explicit null. It cannot be mistaken for a
# value of that field: such a column takes any JSON value, so nothing else of it ever goes to `extra`.
ABSENT = '"absent"'


def arrow_type(field: Field) -> pa.DataType:
    """Return the Arrow type of a field's column."""
    if field.kind is Kind.STRUCT:
        return pa.struct([pa.field(f.name, arrow_type(f)) for f in field.fields])
    return pa.bool_() if field.kind is Kind.BOOLEAN else pa.string()


EVENTS: pa.Schema = pa.schema(
    [pa.field(f.name, pa.timestamp("us") if f.name == EVENT_TIME else arrow_type(f)) for f in RECORD.fields]
    + [
        pa.field("extra", pa.string()),
        pa.field("eventKey", pa.string(), nullable=False),
        pa.field("logFile", pa.string(), nullable=False),
        pa.field("logFileIndex", pa.int32(), nullable=False),
    ]
)


def _struct_type(field: Field, required: tuple[str, ...] = ()) -> type[msgspec.Struct]:
    """Return the msgspec type that decodes exactly what the field's columns hold, and refuses all else.

    Defaults are None while the types are not optional: a field that is absent decodes to None, an explicit
    null is refused and goes the tolerant way, where the difference is kept.

    Args:
        field: the struct.
        required: of its members, those that may not be absent.
    """
    members: list[tuple[str, Any, Any]] = []
    for member in field.fields:
        kind: Any = {Kind.TEXT: str, Kind.BOOLEAN: bool, Kind.JSON: msgspec.Raw}.get(member.kind)
        default = msgspec.NODEFAULT if member.name in required else None
        members.append((member.name, STRUCTS[member] if kind is None else kind, msgspec.field(default=default)))
    name = field.name[0].upper() + field.name[1:]
    return msgspec.defstruct(name, members, forbid_unknown_fields=True, omit_defaults=True, gc=False, kw_only=True)


def _struct_types(field: Field) -> dict[Field, type[msgspec.Struct]]:
    for member in field.fields:
        if member.kind is Kind.STRUCT:
            _struct_types(member)
    STRUCTS[field] = _struct_type(field)
    return STRUCTS


def _with_raw_identity() -> type[msgspec.Struct]:
    members = tuple(replace(member, kind=Kind.JSON) if member is USER_IDENTITY else member for member in RECORD.fields)
    # Else a bomb of `{},` would be a list of records, each of 300 bytes, before anybody sees that they are none.
    return _struct_type(replace(RECORD, fields=members), required=(EVENT_TIME,))


# The decoded form of RECORD and of each struct in it: attributes are str, bool, msgspec.Raw, a struct, or None.
STRUCTS: dict[Field, type[msgspec.Struct]] = {}
Record: Any = _struct_types(RECORD)[RECORD]
# The same but for userIdentity, which comes as written: few callers make most of the calls, so that it repeats.
RecordOfCaller: Any = _with_raw_identity()
