"""Signs in to Entra as a job's service connection, for a token that the endpoints' API takes.

`AzureCLI@2` with `addSpnToEnvironment: true` gives the job `servicePrincipalId` and `idToken`. No secret.
"""

from __future__ import annotations

from collections.abc import Mapping

from isthmus.azure.identity import token_of
from isthmus.config import Platform
from isthmus.errors import BadInput, Refused, Unavailable

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def api_token(platform: Platform, model: str, environment: Mapping[str, str]) -> str:
    """A token for the model at the API of platform.yaml; raises `BadInput`, `Refused` or `Unavailable`."""
    import requests

    if platform.api is None:
        raise BadInput("this platform has no API", where="platform.yaml, api")
    client = environment.get("servicePrincipalId") or platform.client_of(model)
    form = {
        "grant_type": "client_credentials",
        "client_id": client,
        "client_assertion_type": ASSERTION,
        "client_assertion": token_of(environment),
        "scope": f"{platform.api.audience}/.default",
    }
    url = f"{platform.azure.authority_host.rstrip('/')}/{platform.azure.tenant_id}/oauth2/v2.0/token"
    try:
        answer = requests.post(url, data=form, timeout=30)
        said = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise Unavailable(f"Entra gave no answer: {type(error).__name__}", where=url) from None
    if not answer.ok:
        raise Refused(f"Entra gives {client} no token: {said.get('error_description', answer.status_code)}")
    token: str = said["access_token"]
    return token
