"""Signs in to Azure DevOps without a stored secret.

AWS signs who this Lambda is (`sts:GetWebIdentityToken`); Entra, which trusts that issuer for one application,
exchanges it for a token of that application.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from bridge import web
from bridge.aws import client
from bridge.settings import Settings

# The resource id of Azure DevOps in every tenant.
SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"
# A token is given up a minute before it expires, so that it does not expire on the way.
MARGIN_SECONDS = 60


@dataclass
class Token:
    """A bearer token for Azure DevOps, kept for as long as it is valid. Its value is never shown."""

    told: Settings
    _value: str = ""
    _expires: float = 0.0

    def value(self) -> str:
        if time.time() > self._expires - MARGIN_SECONDS:
            self._value, self._expires = self._exchange(self._assertion())
        return self._value

    def forget(self) -> None:
        self._expires = 0.0

    def __repr__(self) -> str:
        return "Token(...)"

    def _assertion(self) -> str:
        answer = client("sts").get_web_identity_token(
            Audience=[self.told.audience], SigningAlgorithm="RS256", DurationSeconds=300
        )
        return str(answer["WebIdentityToken"])

    def _exchange(self, assertion: str) -> tuple[str, float]:
        form = {
            "client_id": self.told.client_id,
            "client_assertion": assertion,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "grant_type": "client_credentials",
            "scope": SCOPE,
        }
        url = f"{self.told.authority}/{quote(self.told.tenant, safe='')}/oauth2/v2.0/token"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = web.call("POST", url, headers, urlencode(form).encode())
        return answer["access_token"], time.time() + float(answer["expires_in"])
