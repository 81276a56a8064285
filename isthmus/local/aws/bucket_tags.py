"""The tags of buckets that CloudFormation makes, which ministack forgets: they tell whose a bucket is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import s3
from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
TYPE = "AWS::S3::Bucket"


def install() -> None:
    handlers = provisioners._RESOURCE_HANDLERS[TYPE]
    provisioners._RESOURCE_HANDLERS[TYPE] = handlers | {
        "create": _tagging(handlers["create"], of=1),
        "update": _tagging(handlers["update"], of=2),
    }
    provisioners._STACK_TAG_PROPERTY[TYPE] = ("Tags", "list")


def _tagging(make: Callable[..., Created], of: int) -> Callable[..., Created]:
    """`make`, and then the tags of its argument number `of`, the properties that are wanted."""

    def made(*arguments: Any) -> Created:
        name, attributes = make(*arguments)
        tags = arguments[of].get("Tags") or []
        s3._bucket_tags[name] = {one["Key"]: one["Value"] for one in tags}
        return name, attributes

    return made
