"""What Azure DevOps has and this stand-in has not: clients find where it would be, and hear that it is not.

Work items are truly none: there is nothing here that could hold one.
"""

from __future__ import annotations

from isthmus.local.azure_devops import builds
from isthmus.local.azure_devops.access import VIEW_BUILDS
from isthmus.local.azure_devops.call import Call
from isthmus.local.azure_devops.faults import Fault
from isthmus.local.azure_devops.pull_requests import request_of
from isthmus.local.azure_devops.routing import Resource
from isthmus.local.azure_devops.store import Document


def work_item(call: Call) -> Document:
    raise Fault(
        404,
        "WorkItemUnauthorizedAccessException",
        f"TF401232: Work item {call.path['id']} does not exist, or you do not have permissions to read it.",
    )


def of_request(call: Call) -> list[Document]:
    """The work items of a pull request."""
    request_of(call)
    return []


def of_build(call: Call) -> list[Document]:
    """The work items of a build."""
    builds.of(call, VIEW_BUILDS)
    return []


_BUILD = "{project}/_apis/build/builds/{buildId}"
_REQUEST = "git/repositories/{repositoryId}/pullRequests/{pullRequestId}"
# Answered 404, as a path that nothing is at: what follows `_apis/`, beginning with the area.
_NOWHERE = {
    "1a9c53f7-f243-4447-b110-35ef023636e4": "wit/wiql/{id}",
    "7c8d7a76-4a09-43e8-b5df-bd792f4ac6aa": "wit/workItemTypes/{type}",
    "288d122c-dbd4-451d-aa5f-7dbbba070728": "wiki/wikis/{wikiIdentifier}",
    "d8f96f24-8ea7-4cb6-baab-2df8fc515665": "Release/definitions/{definitionId}",
    "ba9fc436-9a38-4578-89d6-e4f3241f5040": "tfvc/items/{*path}",
    "0e292477-a0c2-47f3-a9b6-34f153d627f4": "testplan/plans/{planId}",
    "c65009a7-474a-4ad1-8b42-7d852107ef8c": "Packaging/Feeds/{feedId}",
    "fc50d02a-849f-41fb-8af1-0a5216103269": "hooks/subscriptions/{subscriptionId}",
    "6c08ffbf-dbf1-4f9a-94e5-a1cbd47005e7": "distributedtask/taskgroups/{taskGroupId}",
    "083c4d89-ab35-45af-aa11-7cf66895c53e": "distributedtask/deploymentgroups/{deploymentGroupId}",
    "d43911ee-6958-46b0-a42b-8445b8a0d004": f"{_REQUEST}/iterations/{{iterationId}}",
    "f22387e3-984e-4c52-9c6d-fbb8f14c812d": f"{_REQUEST}/labels/{{labelIdOrName}}",
    "5a7938a4-655e-486c-b562-b78c54a7e87b": "serviceendpoint/types",
}
RESOURCES = [
    Resource(
        "72c7ddf8-2cdc-4f60-90cd-ab71c14a399b",
        "wit",
        "workItems",
        "{project}/_apis/wit/workItems/{id}",
        3,
        item={"GET": work_item},
    ),
    Resource(
        "0a637fcc-5370-4ce8-b0e8-98091f5f9482",
        "git",
        "pullRequestWorkItems",
        f"{{project}}/_apis/{_REQUEST}/workitems",
        collection={"GET": of_request},
    ),
    Resource(
        "5a21f5d2-5642-47e4-a0bd-1356e6731bee",
        "build",
        "workitems",
        _BUILD + "/workitems",
        2,
        collection={"GET": of_build},
    ),
    *(
        Resource(
            key, path.partition("/")[0], path.rpartition("/{")[0] or path, f"{{project}}/_apis/{path}", 7
        )
        for key, path in _NOWHERE.items()
    ),
]
