"""Block Public Access for a whole account, by S3 Control's calls, and by its organization above it.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_PutPublicAccessBlock.html
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from ministack import app as ministack
from ministack.core.responses import AccountScopedDict, get_account_id
from ministack.services import s3

from isthmus.local.aws import guard_rails

Answer = tuple[int, dict[str, str], bytes]
PATH = "/v20180820/configuration/publicAccessBlock"
SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
NAMESPACE = "http://awss3control.amazonaws.com/doc/2018-08-20/"
# The settings that are on, by account; none where the account has never said.
_blocks: Any = AccountScopedDict()
_handle = ministack._handle_s3_control_request
_bucket_blocked = s3._public_access_blocked


def install() -> None:
    s3._PERSISTED_BUCKET_DICTS["isthmus_account_access_block"] = _blocks
    s3._public_access_blocked = blocked
    ministack._handle_s3_control_request = handle


def blocked(owner: str, bucket: str, setting: str) -> bool:
    """Whether a setting holds for a bucket: by its own block, its account's or the organization's."""
    if guard_rails.blocks_public_access(owner):
        return True
    account = _blocks.get_scoped(owner, None, "block") or []
    return setting in account or bool(_bucket_blocked(owner, bucket, setting))


async def handle(
    path: str, method: str, body: bytes, query: Any, request_id: str, headers: Any = None
) -> Answer | None:
    if path.rstrip("/") != PATH:
        answer: Answer | None = await _handle(path, method, body, query, request_id, headers)
        return answer
    action = f"s3:{'Get' if method == 'GET' else 'Put'}AccountPublicAccessBlock"
    denied: Answer | None = ministack._enforce_data_plane("s3", action, headers or {}, query, request_id)
    return denied or _answer(method, body)


def _answer(method: str, body: bytes) -> Answer:
    governed = guard_rails.blocks_public_access(get_account_id())
    if method == "GET":
        return _shown(list(SETTINGS) if governed else _blocks.get("block"))
    if governed:
        return _error(403, "AccessDenied", "Organization-level Block Public Access manages this account.")
    if method == "DELETE":
        _blocks.pop("block", None)
        return 204, {}, b""
    said = {one.tag.rpartition("}")[2]: (one.text or "").strip() for one in ET.fromstring(body)}  # noqa: S314
    _blocks["block"] = [setting for setting in SETTINGS if said.get(setting) == "true"]
    return 200, {}, b""


def _shown(block: list[str] | None) -> Answer:
    if block is None:
        return _error(404, "NoSuchPublicAccessBlockConfiguration", "The configuration was not found.")
    root = ET.Element("PublicAccessBlockConfiguration", xmlns=NAMESPACE)
    for setting in SETTINGS:
        ET.SubElement(root, setting).text = str(setting in block).lower()
    return 200, {"Content-Type": "application/xml"}, ET.tostring(root, "utf-8", xml_declaration=True)


def _error(status: int, code: str, message: str) -> Answer:
    root = ET.Element("ErrorResponse")
    error = ET.SubElement(root, "Error")
    ET.SubElement(error, "Code").text, ET.SubElement(error, "Message").text = code, message
    return status, {"Content-Type": "application/xml"}, ET.tostring(root, "utf-8", xml_declaration=True)
