"""Who may what: people, the bridge's service principal, jobs; and the tokens between the two clouds."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import RSAAlgorithm

from tests.local.azure_devops.standin import (
    AUDIENCE,
    CLIENT,
    ISSUER,
    ORGANIZATION,
    PROJECT,
    ROLE,
    TENANT,
    Person,
    StandIn,
    config,
    running,
    until,
)
from tests.local.azure_devops.test_gates import Place, decide, pending
from tests.local.forgeries import FORGERIES

SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"
BUILD_NAMESPACE = "33344d9c-fc72-4d6f-aba5-fa317101a7e9"
TOKENS = """
trigger: none
pool: {{vmImage: ubuntu-latest}}
steps:
- checkout: none
- task: AzureCLI@2
  inputs:
    azureSubscription: {connection}
    addSpnToEnvironment: true
    scriptType: bash
    scriptLocation: inlineScript
    inlineScript: |
      echo "$idToken" > token.txt
      plan="$SYSTEM_COLLECTIONURI$SYSTEM_TEAMPROJECTID/_apis/distributedtask/hubs/build/plans/$SYSTEM_PLANID"
      printf 'url=%s\\ntoken=%s\\n' "$plan/jobs/$SYSTEM_JOBID/oidctoken" "$SYSTEM_ACCESSTOKEN" > job.txt
      env | sort > env.txt
  env: {{SYSTEM_ACCESSTOKEN: $(System.AccessToken)}}
- publish: $(System.DefaultWorkingDirectory)
  artifact: tokens
- bash: sleep {sleep}
"""


class Aws:
    """Signs tokens as AWS does for `sts:GetWebIdentityToken`, and serves its keys."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        key = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        keys = json.dumps({"keys": [key | {"kid": "aws", "use": "sig", "alg": "RS256"}]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, kid: str = "aws", key: Any = None, **claims: object) -> str:
        now = int(time.time())
        usual = {"iss": self.url, "sub": ROLE, "aud": AUDIENCE, "iat": now, "exp": now + 300}
        return signed(usual | claims, key or self.key, {"kid": kid})


def signed(claims: dict[str, Any], key: Any, headers: dict[str, Any]) -> str:
    """A token of any claims: the library makes none whose issuer is a list."""
    return jwt.PyJWS().encode(json.dumps(claims).encode(), key, "RS256", headers)


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    found = Aws()
    yield found
    found.server.shutdown()


@pytest.fixture(scope="module")
def federated(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running(tmp_path_factory.mktemp("federated"), config(aws.url)) as found:
        found.person("admin").post("/_apis/projects", {"name": PROJECT})
        yield found


def entra(standin: StandIn, assertion: str, **form: str) -> requests.Response:
    usual = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        "scope": SCOPE,
    }
    return requests.post(f"{standin.url}/entra/{TENANT}/oauth2/v2.0/token", data=usual | form, timeout=60)


def bridge(standin: StandIn, aws: Aws) -> Person:
    answer = entra(standin, aws.token())
    assert answer.ok, answer.text
    return Person(standin.organization_url, answer.json()["access_token"])


def test_the_bridge_may_queue_what_it_was_granted_and_nothing_else(federated: StandIn, aws: Aws) -> None:
    admin, app = federated.person("admin"), bridge(federated, aws)
    yaml = "trigger: none\nparameters: [{name: key, type: string, default: ''}]\nsteps: [{bash: 'true'}]\n"
    admin.commit(PROJECT, {"azure-pipelines.yml": yaml})
    granted, other = admin.pipeline("granted", PROJECT), admin.pipeline("other", PROJECT)
    assert app.ask("POST", f"pipelines/{granted}/runs", {}).status_code == 403
    project = admin.get(f"/_apis/projects/{PROJECT}")["id"]
    principals = admin.every("/_apis/graph/serviceprincipals")
    (descriptor,) = [one["descriptor"] for one in principals if one["applicationId"] == CLIENT]
    entry = {"descriptor": descriptor, "allow": 1 | 128 | 1024, "deny": 0}
    acl = {"token": f"{project}/{granted}", "merge": True, "accessControlEntries": [entry]}
    admin.post(f"/_apis/accesscontrolentries/{BUILD_NAMESPACE}", acl)
    refused = app.ask("POST", f"pipelines/{granted}/runs", {"templateParameters": {"key": "k1"}})
    assert (refused.status_code, "edit queue build configuration" in refused.json()["message"]) == (403, True)
    admin.post(
        f"/_apis/accesscontrolentries/{BUILD_NAMESPACE}",
        acl | {"accessControlEntries": [entry | {"allow": 65536}]},
    )
    run = app.run(granted, key="k1")
    me = app.get("/_apis/connectionData")["authenticatedUser"]["id"]
    made = admin.build(run["id"])
    assert made["requestedFor"]["displayName"] == f"application {CLIENT}"
    assert made["requestedFor"]["id"] == made["requestedBy"]["id"] == me
    listed = app.every("build/builds", definitions=granted)
    assert [one["templateParameters"] for one in listed] == [{"key": "k1"}]
    assert [one["id"] for one in app.every("pipelines")] == [granted]
    for method, path, body in (
        ("POST", f"pipelines/{other}/runs", {}),
        ("GET", f"build/builds?definitions={other}", None),
        ("GET", "git/repositories", None),
        ("POST", "git/repositories", {"name": "mine"}),
        ("GET", "serviceendpoint/endpoints", None),
        ("PATCH", "pipelines/approvals", []),
        ("POST", "pipelines", {}),
        ("PATCH", f"build/builds/{run['id']}", {"status": "cancelling"}),
        ("POST", f"/_apis/accesscontrolentries/{BUILD_NAMESPACE}", acl),
    ):
        assert app.ask(method, path, body).status_code == 403, (method, path)


def test_the_bridge_sees_the_approvals_of_what_it_was_granted_and_gives_none(
    federated: StandIn, aws: Aws
) -> None:
    admin, app = federated.person("admin"), bridge(federated, aws)
    principals = admin.every("/_apis/graph/serviceprincipals")
    (descriptor,) = [one["descriptor"] for one in principals if one["applicationId"] == CLIENT]
    project = admin.get(f"/_apis/projects/{PROJECT}")["id"]
    runs = {}
    for name, bits in (("seen", 1 | 1024), ("hidden", 0)):
        place = Place(admin, name)
        place.approval(admin, "robin")
        entry = {"descriptor": descriptor, "allow": bits, "deny": 0}
        acl = {"token": f"{project}/{place.pipeline}", "merge": True, "accessControlEntries": [entry]}
        admin.post(f"/_apis/accesscontrolentries/{BUILD_NAMESPACE}", acl)
        runs[name] = admin.run(place.pipeline)["id"]
    waiting = [until(lambda run=run: pending(admin, run))[0] for run in runs.values()]
    seen = app.every("pipelines/approvals", state="pending", **{"$expand": "steps"})
    assert [one["pipeline"]["owner"]["id"] for one in seen] == [runs["seen"]]
    assert seen[0]["steps"][0]["assignedApprover"]["displayName"] == "Robin Release"
    for one in waiting:
        assert decide(app, one["id"]).status_code == 403


@pytest.mark.parametrize(
    ("claims", "form", "code"),
    [
        ({"sub": "arn:aws:iam::222233334444:role/other"}, {}, 700213),
        ({"iss": "https://elsewhere.example"}, {}, 700211),
        ({"aud": "api://Other"}, {}, 700212),
        ({"sub": "arn:aws:iam::222233334444:role/*"}, {}, 700213),
        ({"sub": ROLE.replace("222233334444", "999988887777")}, {}, 700213),
        ({"sub": f"{ROLE}-2"}, {}, 700213),
        ({"sub": ROLE.upper()}, {}, 700213),
        ({"sub": "arn:aws:sts::222233334444:assumed-role/isthmus-bridge/run"}, {}, 700213),
        ({"exp": int(time.time()) - 3600, "iat": int(time.time()) - 7200}, {}, 700024),
        ({"nbf": int(time.time()) + 86_400}, {}, 700024),
        ({"iat": int(time.time()) + 86_400}, {}, 700024),
        ({"exp": None}, {}, 700027),
        ({}, {"client_id": "00000000-0000-0000-0000-000000000001"}, 700016),
        ({}, {"scope": "https://graph.microsoft.com/.default"}, 70011),
        ({}, {"grant_type": "password"}, 70003),
        ({}, {"client_assertion": "nonsense"}, 50027),
        ({}, {"client_assertion": ""}, 7000218),
    ],
)
def test_entra_says_no_as_entra_does(
    federated: StandIn, aws: Aws, claims: dict[str, object], form: dict[str, str], code: int
) -> None:
    answer = entra(federated, aws.token(**claims), **form)
    assert answer.status_code in (400, 401)
    found = answer.json()
    assert found["error_codes"] == [code]
    assert found["error_description"].startswith(f"AADSTS{code}: ")
    assert {"error", "timestamp", "trace_id", "correlation_id"} <= set(found)


def test_entra_refuses_forged_tokens(federated: StandIn, aws: Aws) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert entra(federated, aws.token(key=stranger)).json()["error_codes"] == [700027]
    assert entra(federated, aws.token(kid="unknown")).json()["error_codes"] == [7000272]
    wrong_tenant = f"{federated.url}/entra/00000000-0000-0000-0000-000000000001/oauth2/v2.0/token"
    assert requests.post(wrong_tenant, data={"client_id": CLIENT}, timeout=60).json()["error_codes"] == [
        90002
    ]


@pytest.mark.parametrize(("claim", "code"), [("iss", 700211), ("sub", 700213)])
def test_entra_believes_no_claim_among_others(federated: StandIn, aws: Aws, claim: str, code: int) -> None:
    said = jwt.decode(aws.token(), options={"verify_signature": False})[claim]
    answer = entra(federated, aws.token(**{claim: [said, "another"]}))
    assert answer.json()["error_codes"] == [code]


@pytest.mark.parametrize("forgery", FORGERIES)
def test_entra_believes_no_token_that_only_a_careless_reader_does(
    federated: StandIn, aws: Aws, forgery: str
) -> None:
    claims = jwt.decode(aws.token(), options={"verify_signature": False})
    answer = entra(federated, FORGERIES[forgery](aws.key.public_key(), "aws", claims))
    assert answer.status_code == 401 and answer.json()["error_codes"][0] in (700027, 7000272)


def test_a_token_is_believed_again_only_until_it_expires(federated: StandIn, aws: Aws) -> None:
    """Entra takes an assertion as often as it comes, with a minute for clocks that differ."""
    now = int(time.time())
    within, beyond = (aws.token(iat=now - 360, exp=now - late) for late in (5, 61))
    assert entra(federated, within).ok and entra(federated, within).ok
    assert entra(federated, beyond).json()["error_codes"] == [700024]


# Each makes of a token of Entra for Azure DevOps one that is not, signed by Entra all the same.
OTHER = "00000000-0000-0000-0000-000000000001"
FOREIGN: dict[str, dict[str, object]] = {
    "another tenant": {"tid": OTHER},
    "no tenant": {"tid": None},
    "another tenant's issuer": {"iss": f"https://sts.windows.net/{OTHER}/"},
    "the issuer of tokens for people's APIs": {"iss": f"https://login.microsoftonline.com/{TENANT}/v2.0"},
    "no issuer": {"iss": None},
    "another API": {"aud": "00000003-0000-0000-c000-000000000000"},
    "no audience": {"aud": None},
    "expired": {"exp": int(time.time()) - 1},
    "without an end": {"exp": None},
    "not yet good": {"nbf": int(time.time()) + 3600},
    "of the future": {"iat": int(time.time()) + 3600},
    "another application": {"appid": OTHER},
    "no application": {"appid": None},
    "an application without a name": {"appid": ""},
    "the issuer among others": {"iss": [f"https://sts.windows.net/{TENANT}/", "https://evil.example/"]},
    "the application among others": {"appid": [CLIENT]},
    "the tenant among others": {"tid": [TENANT]},
}


@pytest.fixture(scope="module")
def entras(federated: StandIn, aws: Aws) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Entra's key, and the header and the claims of a token that it gave."""
    given = entra(federated, aws.token()).json()["access_token"]
    key = load_pem_private_key((federated.state / "entra.pem").read_bytes(), None)
    return key, jwt.get_unverified_header(given), jwt.decode(given, options={"verify_signature": False})


def signed_in(standin: StandIn, token: str) -> int:
    url = f"{standin.organization_url}/_apis/connectionData"
    return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code


@pytest.mark.parametrize("what", FOREIGN)
def test_azure_devops_believes_no_token_that_is_for_others(
    federated: StandIn, entras: Any, what: str
) -> None:
    key, header, claims = entras
    changed = {name: value for name, value in (claims | FOREIGN[what]).items() if value is not None}
    assert signed_in(federated, jwt.encode(claims, key, "RS256", headers=header)) == 200
    assert signed_in(federated, signed(changed, key, header)) == 401


@pytest.mark.parametrize("forgery", FORGERIES)
def test_azure_devops_believes_no_forged_token(federated: StandIn, entras: Any, forgery: str) -> None:
    key, header, claims = entras
    assert signed_in(federated, FORGERIES[forgery](key.public_key(), header["kid"], claims)) == 401
    assert signed_in(federated, jwt.encode(claims, key, "RS256", headers=header | {"kid": "unknown"})) == 401


def test_signing_in(standin: StandIn, dana: Person) -> None:
    url = f"{standin.organization_url}/_apis/connectionData"
    page = requests.get(url, timeout=60)
    assert (page.status_code, "Sign In" in page.text) == (203, True)
    assert requests.get(url, headers={"X-TFS-FedAuthRedirect": "Suppress"}, timeout=60).status_code == 401
    for headers in (
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic !"},
        {"Authorization": "x"},
    ):
        assert requests.get(url, headers=headers, timeout=60).status_code == 401
    assert dana.get("/_apis/connectionData")["authenticatedUser"]["providerDisplayName"] == "Dana Scientist"
    bearer = requests.get(url, headers={"Authorization": f"Bearer {dana.token}"}, timeout=60)
    assert bearer.json()["authenticatedUser"]["id"]
    assert (standin.state / "tokens.json").stat().st_mode & 0o077 == 0


def test_people_do_not_administer(dana: Person) -> None:
    for path, body in (
        ("git/repositories", {"name": "hers"}),
        ("policy/configurations", {}),
    ):
        assert dana.ask("POST", path, body).status_code == 403, path


def connection(admin: Person, name: str) -> str:
    project = admin.get(f"/_apis/projects/{PROJECT}")["id"]
    reference = {"projectReference": {"id": project, "name": PROJECT}, "name": name}
    body = {
        "name": name,
        "type": "azurerm",
        "url": "https://management.azure.com/",
        "authorization": {
            "scheme": "WorkloadIdentityFederation",
            "parameters": {"tenantid": TENANT, "serviceprincipalid": CLIENT},
        },
        "data": {},
        "serviceEndpointProjectReferences": [reference],
    }
    key: str = admin.post("/_apis/serviceendpoint/endpoints", body)["id"]
    return key


def allow(admin: Person, connection_id: str, pipeline: int) -> None:
    body = {"pipelines": [{"id": pipeline, "authorized": True}]}
    admin.patch(f"pipelines/pipelinepermissions/endpoint/{connection_id}", body)


def verified(standin: StandIn, token: str) -> dict[str, Any]:
    keys = requests.get(f"{standin.url}/entra/jwks", timeout=60).json()
    key = jwt.PyJWKSet.from_dict(keys).keys[0]
    claims: dict[str, Any] = jwt.decode(token, key, ["RS256"], audience=AUDIENCE, issuer=ISSUER)
    return claims


def test_a_job_gets_the_token_of_its_connection_and_of_no_other(
    standin: StandIn, admin: Person, dana: Person, repository: str
) -> None:
    mine, other = connection(admin, "mine"), connection(admin, "other")
    dana.commit(repository, {"azure-pipelines.yml": TOKENS.format(connection="mine", sleep=30)})
    pipeline = dana.pipeline(repository, repository)
    denied = dana.run(pipeline)["id"]
    assert dana.until_over(denied)["result"] == "failed"
    allow(admin, mine, pipeline)
    allow(admin, other, pipeline)
    run = dana.run(pipeline)["id"]
    until(lambda: dana.every(f"build/builds/{run}/artifacts"))
    folder = standin.state / "runs" / str(run) / "artifacts" / "tokens"
    claims = verified(standin, (folder / "token.txt").read_text().strip())
    assert claims["sub"] == f"sc://{ORGANIZATION}/{PROJECT}/mine"
    assert claims["exp"] - claims["iat"] == 600
    environment = (folder / "env.txt").read_text()
    assert "AWS_ACCESS_KEY_ID" not in environment
    assert f"AWS_ENDPOINT_URL={config()['aws_url']}" in environment
    job = dict(line.split("=", 1) for line in (folder / "job.txt").read_text().splitlines())
    _over_rest(standin, job, mine, other)
    dana.patch(f"build/builds/{run}", {"status": "cancelling"})
    dana.until_over(run)
    gone = requests.post(job["url"], auth=("", job["token"]), timeout=60)
    assert gone.status_code == 401


def _over_rest(standin: StandIn, job: dict[str, str], mine: str, other: str) -> None:
    """The address that a job asks for its tokens, with its own access token."""

    def ask(connection_id: str, token: str = job["token"]) -> requests.Response:
        query = {
            "api-version": "7.1-preview.1",
            **({"serviceConnectionId": connection_id} if connection_id else {}),
        }
        return requests.post(job["url"], params=query, auth=("", token), timeout=60)

    assert verified(standin, ask(mine).json()["oidcToken"])["sub"].endswith("/mine")
    assert ask(other).status_code == 403
    assert ask("00000000-0000-0000-0000-000000000001").status_code == 404
    assert ask(mine, standin.token("admin")).status_code == 403
    plain = verified(standin, ask("").json()["oidcToken"])
    assert plain["sub"].startswith(f"p://{ORGANIZATION}/{PROJECT}/")


def test_connections_hold_no_secret(admin: Person) -> None:
    project = admin.get(f"/_apis/projects/{PROJECT}")["id"]
    body = {
        "name": "secret",
        "type": "azurerm",
        "authorization": {"scheme": "ServicePrincipal", "parameters": {"serviceprincipalkey": "x"}},
        "serviceEndpointProjectReferences": [{"projectReference": {"id": project}, "name": "secret"}],
    }
    assert admin.ask("POST", "/_apis/serviceendpoint/endpoints", body).status_code == 400


def test_keys_survive_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        before = requests.get(f"{first.url}/entra/jwks", timeout=60).json(), first.token("dana")
    with running(tmp_path) as second:
        assert (requests.get(f"{second.url}/entra/jwks", timeout=60).json(), second.token("dana")) == before
