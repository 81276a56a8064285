"""Microsoft's enumerations: the words of its REST API, and the numbers that its Node client sends for them.

Source: the `...Interfaces.d.ts` of azure-devops-node-api. The words are what is kept and answered.
"""

from __future__ import annotations

from collections.abc import Mapping

Enumeration = Mapping[int, str]

VERSION_TYPE: Enumeration = {0: "branch", 1: "tag", 2: "commit"}
RECURSION: Enumeration = {0: "none", 1: "oneLevel", 4: "oneLevelPlusNestedEmptyFolders", 120: "full"}
CHANGE: Enumeration = {1: "add", 2: "edit", 8: "rename", 16: "delete"}
CONTENT: Enumeration = {0: "rawText", 1: "base64Encoded"}
PULL_REQUEST_STATUS: Enumeration = {1: "active", 2: "abandoned", 3: "completed", 4: "all"}
MERGE_STRATEGY: Enumeration = {1: "noFastForward", 2: "squash", 3: "rebase", 4: "rebaseMerge"}
THREAD_STATUS: Enumeration = dict(
    enumerate(("unknown", "active", "fixed", "wontFix", "closed", "byDesign", "pending"))
)
COMMIT_STATE: Enumeration = dict(
    enumerate(("notSet", "pending", "succeeded", "failed", "error", "notApplicable", "partiallySucceeded"))
)
BUILD_STATUS: Enumeration = {
    1: "inProgress",
    2: "completed",
    4: "cancelling",
    8: "postponed",
    32: "notStarted",
    47: "all",
}
STAGE_UPDATE: Enumeration = {0: "cancel", 1: "retry"}
BUILD_RESULT: Enumeration = {2: "succeeded", 4: "partiallySucceeded", 8: "failed", 32: "canceled"}
BUILD_REASON: Enumeration = {
    1: "manual",
    2: "individualCI",
    4: "batchedCI",
    8: "schedule",
    32: "userCreated",
    256: "pullRequest",
    512: "buildCompletion",
    1024: "resourceTrigger",
    1967: "triggered",
    2031: "all",
}


def word(value: object, known: Enumeration) -> object:
    """The word of a number, or of a text that is one; anything else as it is."""
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(number, int) and not isinstance(number, bool):
        return known.get(number, value)
    return value


def words(value: str, known: Enumeration) -> set[str]:
    """The words, in lower case, of a filter: one, several with commas, or the sum of their numbers."""
    found: set[str] = set()
    for one in filter(None, (part.strip() for part in value.split(","))):
        name = word(one, known)
        if name == one and one.isdecimal():
            found |= {text.lower() for bit, text in known.items() if int(one) & bit == bit}
        else:
            found.add(str(name).lower())
    return found
