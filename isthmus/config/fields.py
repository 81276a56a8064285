"""What the configuration files have in common: strict models, the kinds of names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from isthmus.config.regions import REGIONS
from isthmus.config.stages import NEW

AccountId = Annotated[
    str, Field(pattern=r"^[0-9]{12}$", description="An AWS account id: twelve digits, quoted.")
]
Account = Annotated[
    str,
    Field(
        pattern=rf"^([0-9]{{12}}|{NEW})$",
        description="An AWS account id: twelve digits, quoted. Or `new`, until Organizations has made it.",
    ),
]
RoleArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws:iam::[0-9]{12}:role/([a-zA-Z0-9_+=,.@/-]+/)?[a-zA-Z0-9_+=,.@-]{1,64}$",
        description="A role such as arn:aws:iam::111122223333:role/exporter.",
    ),
]
GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
Guid = Annotated[str, Field(pattern=GUID)]


def _known(region: str) -> str:
    """Refuse a misspelt region, and one of another partition, in which ARNs and hosts have other names."""
    if region.startswith(("cn-", "us-gov-", "us-iso", "eusc-")):
        raise ValueError(f"{region} is a partition of its own: name a region of commercial AWS")
    if region not in REGIONS:
        known = ", ".join(map(repr, REGIONS))
        raise PydanticCustomError(
            "literal_error", "there is no such region with SageMaker", {"expected": known}
        )
    return region


Region = Annotated[str, Field(json_schema_extra={"enum": list(REGIONS)}), AfterValidator(_known)]
EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
Email = Annotated[str, Field(pattern=EMAIL, max_length=64)]
# SageMaker names a model package group, a pipeline and an endpoint after it, with a suffix of ours.
WORDS = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
ModelName = Annotated[str, Field(pattern=WORDS, max_length=40)]
Name = Annotated[str, Field(pattern=WORDS, max_length=20)]
URL = r"^https?://[^\s/]+(/\S*)?$"
Url = Annotated[str, Field(pattern=URL)]
INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"
InstanceType = Annotated[str, Field(pattern=INSTANCE_TYPE)]


def _times(one: str, also: str = "") -> str:
    """A pattern of a cron field: values, ranges and steps of them, or what else the field takes."""
    part = rf"(\*|{one}(-{one})?)(/[0-9]+)?"
    return rf"({part}(,{part})*{also})"


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html: of the days of the
# month and of the week one is "?".
_DAYS = _times("(0?[1-9]|[12][0-9]|3[01])", r"|LW?|(0?[1-9]|[12][0-9]|3[01])W")
_WEEKDAYS = _times("([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)", r"|[1-7]?L|[1-7]#[1-5]")
_MONTHS = _times("(0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)")
_CRON = " ".join(
    (
        _times("[0-5]?[0-9]"),
        _times("([01]?[0-9]|2[0-3])"),
        rf"({_DAYS} {_MONTHS} \?|\? {_MONTHS} {_WEEKDAYS})",
        _times("(19[7-9][0-9]|2[01][0-9][0-9])"),
    )
)
SCHEDULE = rf"^(rate\([1-9][0-9]* (minute|hour|day)s?\)|cron\({_CRON}\))$"
Schedule = Annotated[str, Field(pattern=SCHEDULE)]
HOUR = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
# What people read in place of a pattern.
SAID = {
    WORDS: "small letters and digits, with single hyphens between them, and a letter first: seattle-rain",
    EMAIL: "a mail address, such as ml-team@contoso.example",
    GUID: "an id such as 5f0e7a52-6a1b-4c7e-9d3a-2f1f6d6f6c11",
    URL: "an address without spaces that begins with https://, such as https://dev.azure.com/contoso",
    INSTANCE_TYPE: "an instance type of SageMaker, such as ml.m5.large",
    r"^[1-9][0-9]{0,3}[mhd]$": "minutes, hours or days: 30m, 12h or 2d",
    HOUR: 'a time of day in quotes, such as "09:00"',
    SCHEDULE: "how often, such as rate(1 day), rate(6 hours) or cron(0 5 * * ? *)",
}
# https://learn.microsoft.com/azure/devops/organizations/settings/naming-restrictions; and no spaces, for it
# stands in URLs of git as it is.
RepositoryName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?$")]


def _printable(text: str) -> str:
    """Refuse what a reader would not see: control characters, marks that turn text round, edges of blanks."""
    if not text.isprintable() or text != text.strip():
        raise ValueError("only characters that can be seen, and no blank at either end")
    return text


Text = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_printable)]
# It becomes the value of a tag, in which AWS allows no other characters.
Tag = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_ .:/=+@-]+$", max_length=256)]


class Strict(BaseModel):
    """A part of a configuration file: unknown keys are errors, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Misfit(ValueError):
    """Values that do not fit together; `at` is the key at fault, from where the rule stands."""

    def __init__(self, what: str, *at: str | int) -> None:
        super().__init__(what)
        self.at = at


def twice(names: Iterable[str]) -> str | None:
    """The first name that stands twice, or None."""
    return next((name for _, name in again(names)), None)


def again(names: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Each name that stood before, and its position."""
    seen: set[str] = set()
    for at, name in enumerate(names):
        if name in seen:
            yield at, name
        seen.add(name)
