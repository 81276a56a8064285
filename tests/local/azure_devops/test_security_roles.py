"""Who has which role on environments, service connections and variable groups, and what it allows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.azure_devops.standin import PROJECT, Person

ENVIRONMENT, EVERY = "environmentreferencerole", "globalenvironmentreferencerole"
LOCK = {"id": "2ef31ad6-baa0-403a-8b45-2cbc9b4e5563", "name": "ExclusiveLock"}


def place(person: Person, name: str) -> int:
    number: int = person.post("distributedtask/environments", {"name": name, "description": ""})["id"]
    return number


def path(person: Person, scope: str, suffix: str = "") -> str:
    project = person.get(f"/_apis/projects/{PROJECT}")["id"]
    scope = f"distributedtask.{scope}"
    return f"/_apis/securityroles/scopes/{scope}/roleassignments/resources/{project}{suffix}"


def listed(person: Person, scope: str, suffix: str = "") -> dict[str, tuple[str, str]]:
    found = person.every(path(person, scope, suffix))
    return {one["identity"]["displayName"]: (one["role"]["name"], one["access"]) for one in found}


def who(person: Person) -> str:
    key: str = person.get("/_apis/connectionData")["authenticatedUser"]["id"]
    return key


def give(by: Person, to: Person, role: str, scope: str, suffix: str = "") -> int:
    body = [{"userId": who(to), "roleName": role}]
    return by.ask("PUT", path(by, scope, suffix), body).status_code


def lock(person: Person, number: int) -> int:
    resource = {"type": "environment", "id": str(number)}
    body = {"type": LOCK, "settings": {}, "resource": resource, "timeout": 60}
    return person.ask("POST", "pipelines/checks/configurations", body).status_code


@pytest.fixture
def clean(admin: Person, dana: Person) -> Iterator[None]:
    yield
    assert admin.ask("DELETE", f"{path(admin, EVERY)}/{who(dana)}").ok


def test_who_makes_one_administers_it_and_the_rest_is_inherited(admin: Person, dana: Person) -> None:
    suffix = f"_{place(dana, 'her-place')}"
    assert listed(dana, ENVIRONMENT, suffix) == {
        "Dana Scientist": ("Administrator", "assigned"),
        f"[{PROJECT}]\\Contributors": ("Reader", "inherited"),
        f"[{PROJECT}]\\Project Administrators": ("Reader", "inherited"),
        f"[{PROJECT}]\\Project Valid Users": ("Reader", "inherited"),
    }
    assert listed(admin, "project.serviceendpointrole") == {
        f"[{PROJECT}]\\Endpoint Administrators": ("Administrator", "assigned"),
        f"[{PROJECT}]\\Endpoint Creators": ("Creator", "assigned"),
    }
    assert listed(admin, "library", "$0")[f"[{PROJECT}]\\Build Administrators"][0] == "Administrator"
    assert listed(admin, ENVIRONMENT, "_99999") == {}
    roles = admin.every(
        "/_apis/securityroles/scopes/distributedtask.environmentreferencerole/roledefinitions"
    )
    assert [one["name"] for one in roles] == ["Administrator", "User", "Reader"]


def test_an_administrator_by_role_rules_its_checks_and_nobody_else_does(
    admin: Person, dana: Person, robin: Person
) -> None:
    number = place(admin, "ruled")
    suffix, others = f"_{number}", place(admin, "not-ruled")
    check = admin.post(
        "pipelines/checks/configurations",
        {"type": LOCK, "settings": {}, "resource": {"type": "environment", "id": str(number)}, "timeout": 9},
    )["id"]
    removal = "DELETE", f"pipelines/checks/configurations/{check}"
    assert give(dana, robin, "Reader", ENVIRONMENT, suffix) == 403
    assert give(admin, dana, "User", ENVIRONMENT, suffix) == 200
    assert (lock(dana, number), dana.ask(*removal).status_code) == (403, 403)
    assert give(admin, dana, "Administrator", ENVIRONMENT, suffix) == 200
    assert dana.ask(*removal).ok
    assert (lock(dana, number), lock(dana, others), lock(robin, number)) == (200, 403, 403)
    assert give(dana, dana, "Reader", ENVIRONMENT, suffix) == 400
    assert give(dana, robin, "Nonsense", ENVIRONMENT, suffix) == 404
    assert give(dana, robin, "Administrator", ENVIRONMENT, suffix) == 200
    assert robin.ask("PATCH", path(robin, ENVIRONMENT, suffix), [who(dana)]).ok
    assert (lock(dana, number), lock(robin, number)) == (403, 200)


def test_an_environment_is_opened_to_every_pipeline_by_who_administers_all(
    admin: Person, dana: Person, clean: None
) -> None:
    number = place(dana, "hers-alone")
    opening = "PATCH", f"pipelines/pipelinepermissions/environment/{number}"
    body = {"allPipelines": {"authorized": True}}
    assert dana.ask(*opening, body).status_code == 403
    assert give(admin, dana, "Administrator", EVERY) == 200
    assert dana.ask(*opening, body).ok
    assert lock(dana, place(admin, "of-another")) == 200
