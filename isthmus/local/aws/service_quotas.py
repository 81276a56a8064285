"""Service Quotas for SageMaker's instances, which ministack lacks: listed, and raised as soon as asked for.

Nothing here is refused for want of a quota. Requests and answers are those of botocore's model.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.core.router import extract_access_key_id

from isthmus.executor.refusals import ApiError
from isthmus.local.aws import rest_json

Record = dict[str, Any]
# What botocore calls the service, and what its endpoint and IAM do.
MODEL, SERVICE = "service-quotas", "servicequotas"
USES = ("endpoint usage", "training job usage", "processing job usage", "transform job usage")
SIZES = ("large", "xlarge", "2xlarge", "4xlarge")
TYPES = ("ml.t3.medium", *(f"ml.{family}.{size}" for family in ("m5", "c5", "g4dn", "g5") for size in SIZES))
FIRST = 4.0
_raised: Any = AccountRegionScopedDict()


def install() -> None:
    rest_json.register(SERVICE, __name__)


def get_state() -> Record:
    return {"raised": _raised}


def load_persisted_state(data: Record) -> None:
    _raised.update(data.get("raised", {}))


def reset() -> None:
    _raised.clear()


async def handle_request(
    _method: str, _path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
) -> rest_json.Answer:
    """A call by the JSON protocol, which names its operation in a header."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    key = extract_access_key_id(dict(headers), dict(query)) or get_account_id()
    try:
        if operation not in OPERATIONS:
            raise ApiError("UnknownOperationException", f"The local Service Quotas has no {operation}.", 404)
        params = json.loads(body or b"{}")
        rest_json.check(MODEL, operation, params)
        rest_json.require(key, f"{SERVICE}:{operation}", "*")
        return rest_json.answer(200, OPERATIONS[operation](params))
    except ApiError as error:
        return rest_json.answer(error.status, {"__type": error.code, "message": error.message})


def _listed(params: Record) -> Record:
    return {"Quotas": list(_quotas(params["ServiceCode"]))}


def _raise(params: Record) -> Record:
    quota = _of(params)
    if params["DesiredValue"] <= quota["Value"]:
        raise ApiError("IllegalArgumentException", "The value that is asked for is not above the quota's.")
    _raised[quota["QuotaCode"]] = params["DesiredValue"]
    kept = {key: quota[key] for key in ("ServiceCode", "QuotaCode", "QuotaName", "QuotaArn")}
    made = {"Id": uuid.uuid4().hex, "Status": "APPROVED", "Created": time.time()}
    return {"RequestedQuota": kept | made | {"DesiredValue": params["DesiredValue"]}}


OPERATIONS: dict[str, Callable[[Record], Record]] = {
    "ListServiceQuotas": _listed,
    "ListAWSDefaultServiceQuotas": lambda params: {"Quotas": list(_defaults(params["ServiceCode"]))},
    "GetServiceQuota": lambda params: {"Quota": _of(params)},
    "RequestServiceQuotaIncrease": _raise,
}


def _of(params: Record) -> Record:
    for quota in _quotas(params["ServiceCode"]):
        if quota["QuotaCode"] == params["QuotaCode"]:
            return quota
    raise ApiError("NoSuchResourceException", f"There is no quota {params['QuotaCode']}.")


def _defaults(service: str) -> Iterator[Record]:
    """What a new account has: no raise shows."""
    yield from (one | {"Value": FIRST} for one in _quotas(service))


def _quotas(service: str) -> Iterator[Record]:
    if service != "sagemaker":
        return
    for name in (f"{type_} for {use}" for type_ in TYPES for use in USES):
        code = f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"
        yield {
            "ServiceCode": service,
            "ServiceName": "Amazon SageMaker",
            "QuotaArn": f"arn:aws:servicequotas:{get_region()}:{get_account_id()}:{service}/{code}",
            "QuotaCode": code,
            "QuotaName": name,
            "Value": _raised.get(code, FIRST),
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }
