"""IAM's switch for tokens that go out: an account signs none until someone turns that on, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from ministack.core.responses import AccountScopedDict
from ministack.services import iam

from isthmus.local.aws.authorization import one

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
STS = "https://sts.amazonaws.com/doc/2011-06-15/"
STATE = "isthmus_outbound_federation"
_enabled: Any = AccountScopedDict()


def install(handlers: dict[str, Handler], issuer: str) -> None:
    handlers["iam"] = _with_switch(handlers["iam"], issuer)
    get_state, load = iam.get_state, iam.load_persisted_state

    def load_all(data: dict[str, Any]) -> None:
        _enabled.update(data.pop(STATE, {}))
        load(data)

    iam.get_state = lambda: get_state() | {STATE: _enabled}
    iam.load_persisted_state = load_all


def enabled() -> bool:
    """Whether the account of the request signs tokens for its principals."""
    return "on" in _enabled


def disabled() -> Answer:
    """STS's refusal where it does not."""
    message = (
        "Outbound web identity federation is disabled for this account. "
        "Enable it with iam:EnableOutboundWebIdentityFederation."
    )
    return _error("OutboundWebIdentityFederationDisabledException", message, 403, STS)


def _with_switch(inner: Handler, issuer: str) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        action = one({**query, **parse_qs(body.decode("utf-8", "replace"))}, "Action")
        if "OutboundWebIdentityFederation" in action:
            return _switch(action, issuer)
        return await inner(method, path, headers, body, query)

    return handle


def _switch(action: str, issuer: str) -> Answer:
    if action.startswith("Enable"):
        if enabled():
            return _error("FeatureEnabled", "Outbound web identity federation is already enabled.", 409)
        _enabled["on"] = True
    elif not enabled():
        return _error("FeatureDisabled", "Outbound web identity federation is not enabled.", 404)
    elif action.startswith("Disable"):
        del _enabled["on"]
        return _answer(action, "")
    vending = "<JwtVendingEnabled>true</JwtVendingEnabled>" if action.startswith("Get") else ""
    return _answer(action, f"<IssuerIdentifier>{issuer}</IssuerIdentifier>{vending}")


def _answer(action: str, members: str) -> Answer:
    result = f"<{action}Result>{members}</{action}Result>"
    body = f'<{action}Response xmlns="{NAMESPACE}">{result}</{action}Response>'
    return 200, {"Content-Type": "text/xml"}, body.encode()


def _error(code: str, message: str, status: int, namespace: str = NAMESPACE) -> Answer:
    body = (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{message}</Message></Error></ErrorResponse>"
    )
    return status, {"Content-Type": "text/xml"}, body.encode()
