"""Applications that call an API of ours: signed in by a job's token, told apart by their app roles."""

from __future__ import annotations

import time
from collections.abc import Iterator

import jwt
import pytest
import requests

from isthmus.local.azure_devops.keys import Key
from tests.local.azure_devops.standin import AUDIENCE, ISSUER, TENANT, StandIn, config, running

API, CALLER, STRANGER = (f"{number}f0e7a52-6a1b-4c7e-9d3a-2f1f6d6f6c11" for number in (6, 7, 8))
ENTRA = f"https://login.microsoftonline.com/{TENANT}/v2.0"
SUBJECT = "sc://contoso/weather/caller"


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    signs_in = [{"subject": SUBJECT, "issuer": ISSUER, "audience": AUDIENCE}]
    settings = config(
        entra_issuer=ENTRA,
        applications={CALLER: [{**signs_in[0], "subject": "other"}, *signs_in], STRANGER: signs_in},
        apis={API: {CALLER: ["Predict"]}},
    )
    with running(tmp_path_factory.mktemp("callers"), settings) as found:
        yield found


def ask(
    standin: StandIn, client: str, *, scope: str = f"{API}/.default", **claims: object
) -> requests.Response:
    now = int(time.time())
    usual = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "iat": now, "exp": now + 60}
    assertion = Key(standin.state / "issuer.pem").sign(usual | claims)
    form = {
        "grant_type": "client_credentials",
        "client_id": client,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        "scope": scope,
    }
    return requests.post(f"{standin.url}/entra/{TENANT}/oauth2/v2.0/token", data=form, timeout=60)


def claims_of(standin: StandIn, answer: requests.Response) -> dict[str, object]:
    assert answer.ok, answer.text
    keys = jwt.PyJWKClient(f"{standin.url}/entra/{TENANT}/discovery/v2.0/keys")
    token = answer.json()["access_token"]
    found: dict[str, object] = jwt.decode(
        token, keys.get_signing_key_from_jwt(token), ["RS256"], audience=API, issuer=ENTRA
    )
    return found


@pytest.mark.parametrize("scope", [f"{API}/.default", f"api://{API}/.default"])
def test_a_caller_gets_a_token_of_version_2_with_its_roles(standin: StandIn, scope: str) -> None:
    claims = claims_of(standin, ask(standin, CALLER, scope=scope))
    assert (claims["azp"], claims["roles"], claims["ver"]) == (CALLER, ["Predict"], "2.0")


def test_any_application_gets_a_token_and_without_roles_it_is_good_for_nothing(standin: StandIn) -> None:
    assert "roles" not in claims_of(standin, ask(standin, STRANGER))


def test_only_applications_that_are_apis_can_be_asked_for(standin: StandIn) -> None:
    answer = ask(standin, CALLER, scope=f"{STRANGER}/.default")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("claims", [{"sub": f"{SUBJECT}-other"}, {"aud": API}, {"exp": 1}])
def test_the_token_must_be_the_connections_own(standin: StandIn, claims: dict[str, object]) -> None:
    assert ask(standin, CALLER, **claims).json()["error"] == "invalid_client"
