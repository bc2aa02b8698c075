"""What the kinds are built from: the base model, bounded texts and numbers, and their CEL rules.

Pydantic reads what the API server has accepted, so a rule stands once, as CEL in the schema,
and the models do not repeat it. Formats follow RFC 3339 for instants and dates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema

from bailiwick.api.durations import DURATION_PATTERN

JSON = dict[str, Any]

MESSAGE_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL rule of a schema, and what a person reads who breaks it.

    `field` is the field that it speaks of, `.metadata.name`, where that is not what carries it.
    """

    expression: str
    message: str
    field: str = ""

    def to_json(self) -> JSON:
        """Write the entry of `x-kubernetes-validations`."""
        entry = {"rule": self.expression, "message": self.message}
        return {**entry, "fieldPath": self.field} if self.field else entry


def rules(*entries: Rule) -> JSON:
    """Return what a schema needs to carry these rules."""
    return {"x-kubernetes-validations": [entry.to_json() for entry in entries]}


def keyed_by(*keys: str) -> JSON:
    """Mark a list whose entries are told apart by these fields: writers merge entry by entry."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


AS_SET: JSON = {"x-kubernetes-list-type": "set"}
ATOMIC_LIST: JSON = {"x-kubernetes-list-type": "atomic"}
ATOMIC_MAP: JSON = {"x-kubernetes-map-type": "atomic"}


def _camel(name: str) -> str:
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)


class ApiModel(BaseModel):
    """A part of an object: read leniently (newer fields are ignored), never changed."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    def to_json(self) -> JSON:
        """Write the API's JSON, without the fields that are not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def _clipped(text: str) -> str:
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"


def bounded(max_length: int, *entries: Rule, **extra: object) -> WithJsonSchema:
    """Return the schema of a string of at most `max_length` characters that keeps these rules."""
    return WithJsonSchema(
        {"type": "string", "maxLength": max_length, **extra, **(rules(*entries) if entries else {})}
    )


def formatted(name: str, message: str) -> Rule:
    """Return the rule that a string has one of the formats that Kubernetes names."""
    return Rule(f"!format.{name}().validate(self).hasValue()", message)


Line = Annotated[str, bounded(253)]
"""A short text that is not checked: a name somebody else gave."""
Text = Annotated[str, bounded(MESSAGE_LIMIT)]
"""A text that a person wrote."""
Message = Annotated[str, AfterValidator(_clipped), bounded(MESSAGE_LIMIT)]
"""A text of a status; what is too long for the schema is cut, and ends in an ellipsis."""
Name = Annotated[
    str,
    bounded(
        63,
        formatted(
            "dns1123Label",
            "write lower-case letters, digits and '-', starting and ending with a letter or digit",
        ),
        minLength=1,
    ),
]
"""A DNS label (RFC 1123)."""
Digest = Annotated[
    str,
    bounded(
        71,
        Rule(
            "self.matches('^sha256:[0-9a-f]{64}$')",
            "write a digest: sha256: and 64 hexadecimal digits in lower case",
        ),
    ),
]
# Longer than what the rules let through, so that who writes it wrongly reads our words.
_LOOSE = 64
# Dates that can be counted from in both directions.
_DATE = "[12][0-9]{3}-[0-9]{2}-[0-9]{2}"
Duration = Annotated[
    str,
    bounded(
        _LOOSE,
        Rule(
            f"self.matches('{DURATION_PATTERN}')",
            "write a whole number and a unit: 60s, 90m, 24h or 15d, at most 9999d",
        ),
    ),
]
Day = Annotated[
    date,
    bounded(
        _LOOSE,
        Rule(
            f"self.matches('^{_DATE}$') && !format.date().validate(self).hasValue()",
            "write a date: 2027-03-01",
        ),
    ),
]
Instant = Annotated[
    AwareDatetime,
    bounded(
        _LOOSE,
        Rule(
            f"self.matches('^{_DATE}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}([.][0-9]+)?"
            "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$')"
            " && !format.datetime().validate(self).hasValue()",
            "write an instant with its time zone: 2026-11-23T10:00:00Z",
        ),
    ),
]
"""An instant that a person writes: refused in our words when it is none."""
Moment = Annotated[AwareDatetime, WithJsonSchema({"type": "string", "format": "date-time"})]
"""An instant that the operator writes."""
Count = Annotated[int, WithJsonSchema({"type": "integer", "format": "int64", "minimum": 0})]
Generation = Annotated[int, WithJsonSchema({"type": "integer", "format": "int64", "minimum": -1})]

Severity = Literal["Off", "Warn", "Fail"]
EnforcementMode = Literal["Audit", "Enforce"]

_LABEL_VALUE = "^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$"
_LABELS = Rule(
    "self.all(key, !format.qualifiedName().validate(key).hasValue()"
    " && !format.labelValue().validate(self[key]).hasValue())",
    "write label keys and values as Kubernetes allows them",
)


class LabelRequirement(ApiModel):
    """One requirement on labels."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            Rule(
                "self.operator in ['Exists', 'DoesNotExist']"
                " ? !has(self.values) || self.values.size() == 0"
                " : has(self.values) && self.values.size() > 0",
                "In and NotIn need values, Exists and DoesNotExist have none",
            ),
        )
    )

    key: Annotated[
        str,
        bounded(317, formatted("qualifiedName", "write a label key as Kubernetes allows it")),
    ]
    """The key of the label."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How the label is compared with the values."""
    values: (
        Annotated[
            tuple[
                # A CEL rule on so many values would go beyond the API server's limits.
                Annotated[str, bounded(63, pattern=_LABEL_VALUE)],
                ...,
            ],
            Field(max_length=16, json_schema_extra=ATOMIC_LIST),
        ]
        | None
    ) = None
    """The values, for In and NotIn."""


class LabelSelector(ApiModel):
    """Selects by labels: all of matchLabels and matchExpressions hold. Empty selects everything."""

    model_config = ConfigDict(json_schema_extra=ATOMIC_MAP)

    match_labels: (
        Annotated[
            dict[str, Annotated[str, bounded(63)]],
            Field(max_length=16, json_schema_extra=rules(_LABELS)),
        ]
        | None
    ) = None
    """Labels that must be there with just these values."""
    match_expressions: (
        Annotated[tuple[LabelRequirement, ...], Field(max_length=4, json_schema_extra=ATOMIC_LIST)]
        | None
    ) = None
    """Further requirements on labels."""


class Condition(ApiModel):
    """One condition, by the Kubernetes API conventions."""

    type: Annotated[str, bounded(63)]
    """The aspect that the condition tells of."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds; Unknown where that could not be found out."""
    observed_generation: Generation | None = None
    """The generation of the object that the condition was worked out for."""
    last_transition_time: Moment
    """When the status last changed."""
    reason: Annotated[str, bounded(128)]
    """Why, in one word for programs."""
    message: Message
    """Why, and what to do, in words for people."""


Conditions = Annotated[
    tuple[Condition, ...], Field(max_length=16, json_schema_extra=keyed_by("type"))
]


# Nobody but the operator writes here. What is applied whole is one entry of the object's
# managed fields and not one for each field, and writing a status costs the API server less.
APPLIED_WHOLE = ConfigDict(json_schema_extra=ATOMIC_MAP)


class Status(ApiModel):
    """What the status of every kind has."""

    observed_generation: Generation | None = None
    """The generation that this status speaks of; -1 until the operator looked at the object."""
    conditions: Conditions | None = None
    """The conditions. Reconciling and Stalled are there only while they are True."""
