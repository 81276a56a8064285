"""CloudFormation's types of SageMaker that are known by what the API answers when it makes them.

As in `sagemaker_types`, their properties are those of the API calls, made as the stack's role.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ministack.services.cloudformation import provisioners

from isthmus.local.aws.sagemaker_types import (
    GONE,
    Created,
    Properties,
    call,
    retag,
    tags_of,
    typed,
    untagged,
)


@dataclass(frozen=True)
class Type:
    """A type by its noun in the API; `ref` is the member that `Ref` gives, `arn` that of its ARN."""

    noun: str
    ref: str
    arn: str
    replacing: tuple[str, ...]
    identifiers: tuple[str, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)


TYPES = {
    f"AWS::SageMaker::{one.noun}": one
    for one in (
        Type(
            "Domain",
            "DomainId",
            "DomainArn",
            ("AuthMode", "DomainName", "KmsKeyId"),
            renamed={"DomainSettings": "DomainSettingsForUpdate"},
        ),
        Type(
            "UserProfile",
            "UserProfileName",
            "UserProfileArn",
            ("DomainId", "UserProfileName", "SingleSignOnUserIdentifier", "SingleSignOnUserValue"),
            ("DomainId",),
        ),
        Type(
            "StudioLifecycleConfig",
            "StudioLifecycleConfigName",
            "StudioLifecycleConfigArn",
            (
                "StudioLifecycleConfigName",
                "StudioLifecycleConfigAppType",
                "StudioLifecycleConfigContent",
                "Tags",
            ),
        ),
        Type(
            "FeatureGroup",
            "FeatureGroupName",
            "FeatureGroupArn",
            (
                "FeatureGroupName",
                "RecordIdentifierFeatureName",
                "EventTimeFeatureName",
                "OfflineStoreConfig",
                "RoleArn",
                "Description",
            ),
        ),
        Type("MlflowApp", "Arn", "Arn", ("Name", "RoleArn")),
        Type("MlflowTrackingServer", "TrackingServerName", "TrackingServerArn", ("TrackingServerName",)),
    )
}


def install() -> None:
    for name, kind in TYPES.items():
        provisioners._RESOURCE_HANDLERS[name] = {
            "create": _creating(kind),
            "update": _updating(kind),
            "delete": _deleting(kind),
        }
        provisioners._REPLACING_PROPERTIES[name] = kind.replacing
        provisioners._STACK_TAG_PROPERTY[name] = ("Tags", "list")


def _creating(kind: Type) -> Callable[[str, Properties, str], Created]:
    def create(_logical_id: str, properties: Properties, _stack: str) -> Created:
        answer = call(f"Create{kind.noun}", **_request(f"Create{kind.noun}", properties))
        return _identity(kind, properties | answer)

    return create


def _updating(kind: Type) -> Callable[[str, Properties, Properties, str], Created]:
    def update(physical_id: str, old: Properties, new: Properties, _stack: str) -> Created:
        given = new | {kind.ref: physical_id}
        if untagged(old) != untagged(new):
            call(f"Update{kind.noun}", **_changes(kind, given))
        ref, attributes = _identity(kind, given)
        retag(attributes[kind.arn], tags_of(old), tags_of(new))
        return ref, attributes

    return update


def _deleting(kind: Type) -> Callable[[str, Properties], None]:
    def delete(physical_id: str, properties: Properties) -> None:
        try:
            call(f"Delete{kind.noun}", **_named(kind, properties | {kind.ref: physical_id}))
        except ValueError as error:
            # What is already gone is deleted.
            if not any(word in str(error) for word in GONE):
                raise

    return delete


def _request(operation: str, properties: Properties) -> Properties:
    from isthmus.executor import shapes

    request: Properties = typed(properties, shapes.operation(operation).input_shape)
    return request


def _changes(kind: Type, properties: Properties) -> Properties:
    """What can be updated, without what only the creation takes."""
    from isthmus.executor import shapes

    created: Any = shapes.operation(f"Create{kind.noun}").input_shape
    updated: Any = shapes.operation(f"Update{kind.noun}").input_shape
    renamed = {kind.renamed.get(key, key): value for key, value in properties.items()}
    kept = {k: v for k, v in renamed.items() if k in updated.members or k not in created.members}
    return _request(f"Update{kind.noun}", kept)


def _named(kind: Type, properties: Properties) -> Properties:
    return {key: properties[key] for key in (kind.ref, *kind.identifiers)}


def _identity(kind: Type, properties: Properties) -> Created:
    found = call(f"Describe{kind.noun}", **_named(kind, properties))
    attributes = {key: str(value) for key, value in found.items() if not isinstance(value, dict | list)}
    return found[kind.ref], attributes
