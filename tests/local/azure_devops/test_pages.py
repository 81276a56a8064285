"""The pages for a browser: each link of each leads to a page, and nothing that people wrote is HTML there."""

from __future__ import annotations

import base64
import html
import re
from typing import Any

import pytest
import requests

from tests.local.azure_devops.standin import PROJECT, Person, StandIn, until
from tests.local.azure_devops.test_gates import Place, pending
from tests.pages import active

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
# A plot stands in its page: nothing is taken from elsewhere for it.
PICTURE = re.compile(r'<img src="data:image/png;base64,[\w+/=]*" alt="[^"]*">')
HOSTILE = '<script>alert(1)</script>"><evil onload="x'
PIPELINE = f"""
trigger: none
stages:
- stage: first
  displayName: Try {HOSTILE}
  jobs:
  - job: one
    steps:
    - checkout: self
    - bash: |
        echo 'wrote {HOSTILE}'
        echo '# Summary {HOSTILE} [x](javascript:alert(1))' > summary.md
        echo "##vso[task.uploadsummary]$PWD/summary.md"
        echo '##[error]marked'
        printf 'a plot' > plot.png
        echo '<testsuite><testcase name="drawn"><system-out>[[ATTACHMENT|plot.png]]' > t.xml
        echo '</system-out></testcase></testsuite>' >> t.xml
      displayName: Say {HOSTILE}
    - task: PublishTestResults@2
      inputs: {{testResultsFiles: t.xml, testRunTitle: Plots}}
    - bash: exit 3
      displayName: Break
      condition: eq('${{{{ parameters.break }}}}', 'yes')
- stage: ship
  jobs:
  - deployment: ship
    environment: pages
    strategy: {{runOnce: {{deploy: {{steps: [{{checkout: none}}, {{bash: echo shipped}}]}}}}}}
parameters: [{{name: break, type: string, default: 'no'}}]
"""


@pytest.fixture(scope="module")
def place(standin: StandIn) -> dict[str, Any]:
    """A pipeline with a run that failed, one that waits for an approval, and a pull request."""
    admin, dana = standin.person("admin"), standin.person("dana")
    here = Place(admin, "pages")
    here.approval(admin, "release-approvers")
    admin.commit("pages", {"azure-pipelines.yml": PIPELINE}, message=f"Begin {HOSTILE}")
    admin.commit("pages", {"README.md": HOSTILE}, branch="change", message="Change it")
    refs = {"sourceRefName": "refs/heads/change", "targetRefName": "refs/heads/main"}
    asked = dana.post("git/repositories/pages/pullrequests", refs | {"title": f"Take {HOSTILE}"})
    table = "| AUC |\n|---|\n| 0.91 |"
    said = {"content": f"<!-- told\nbefore -->\n# It fits\n\n{table}\n\n{HOSTILE} [x](javascript:alert(1))"}
    dana.post(f"git/repositories/pages/pullrequests/{asked['pullRequestId']}/threads", {"comments": [said]})
    failed = dana.run(here.pipeline, **{"break": "yes"})["id"]
    dana.until_over(failed)
    waiting = dana.run(here.pipeline)["id"]
    until(lambda: pending(dana, waiting))
    return {"failed": failed, "waiting": waiting, "request": asked["pullRequestId"]}


def page(standin: StandIn, path: str, status: int = 200) -> str:
    answer = requests.get(f"{standin.url}{path}", headers=BROWSER, timeout=60)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8"), path
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    return answer.text


def test_every_link_leads_to_a_page_and_no_text_is_html(standin: StandIn, place: dict[str, Any]) -> None:
    seen: dict[str, str] = {}
    wanted = ["/contoso"]
    while wanted:
        path = wanted.pop()
        if path not in seen:
            seen[path] = page(standin, path)
            links = map(html.unescape, re.findall(r'<a [^>]*href="([^"]*)"', seen[path]))
            wanted += [link for link in links if link.startswith("/")]
    kinds = (
        "_build?definitionId=",
        "_build/results?buildId=",
        "view=logs",
        "/_git/pages/commit/",
        "pullrequest/",
    )
    assert all(any(kind in path for path in seen) for kind in kinds)
    assert sum(HOSTILE in html.unescape(text) for text in seen.values()) >= 5
    for path, text in seen.items():
        assert active(PICTURE.sub("", text)) == [], path


def test_a_run_shows_why_it_failed(standin: StandIn, place: dict[str, Any]) -> None:
    text = page(standin, f"/contoso/{PROJECT}/_build/results?buildId={place['failed']}")
    assert 'class="badge failed"' in text
    assert f"Rerun failed jobs: <code>isthmus azure rerun {place['failed']}</code>" in text
    assert "exit code: 3" in text or "exited with code" in text or "failed with exit code" in text
    assert 'http-equiv="refresh"' not in text
    (log,) = re.findall(r'href="([^"]*view=logs[^"]*)">Say', text)
    assert '<div class="error">' in page(standin, html.unescape(log))


def test_a_run_counts_what_was_not_tested_apart(standin: StandIn, place: dict[str, Any]) -> None:
    admin, build = standin.person("admin"), {"id": str(place["waiting"])}
    suite = admin.post("test/runs", {"name": "Gates", "build": build})["id"]
    admin.post(
        f"test/runs/{suite}/results",
        [{"testCaseTitle": "latency", "outcome": "Passed"},
         {"testCaseTitle": "cost", "outcome": "NotExecuted", "errorMessage": "no price"}],
    )  # fmt: skip
    text = page(standin, f"/contoso/{PROJECT}/_build/results?buildId={place['waiting']}")
    assert '<span class="succeeded">1 passed</span>, 1 not tested' in text and "cost: no price" in text
    (tab,) = re.findall(r'href="([^"]*test-results-tab)">Gates<', text)
    tests = page(standin, html.unescape(tab))
    assert tests.index(">cost</span>") < tests.index(">latency</span>")
    assert "no price" in tests
    assert f"data:image/png;base64,{base64.b64encode(b'a plot').decode()}" in tests


def test_a_run_that_waits_says_for_whom_and_how_to_decide(standin: StandIn, place: dict[str, Any]) -> None:
    number = place["waiting"]
    for path in (f"/contoso/{PROJECT}", f"/contoso/{PROJECT}/_build/results?buildId={number}"):
        text = page(standin, path)
        assert f"isthmus azure approve {number}" in text
        assert "environment <b>pages</b>" in text and "release-approvers" in text
        assert 'http-equiv="refresh"' in text
        assert "Rerun failed jobs" not in text


def test_the_links_that_the_api_gives_lead_there(
    standin: StandIn, dana: Person, place: dict[str, Any]
) -> None:
    web = dana.build(place["failed"])["_links"]["web"]["href"]
    assert "pages" in page(standin, web.removeprefix(standin.url))
    text = page(standin, f"/contoso/{PROJECT}/_git/pages/pullrequest/{place['request']}")
    assert "Dana Scientist" in text and '<div class="plus">+' in text


def test_a_pull_request_shows_what_was_said_on_it(standin: StandIn, place: dict[str, Any]) -> None:
    text = page(standin, f"/contoso/{PROJECT}/_git/pages/pullrequest/{place['request']}")
    _, _, comments = text.partition("<h2>Comments</h2>")
    assert "Dana Scientist" in comments and "<h1>It fits</h1>" in comments and "<td>0.91</td>" in comments
    assert "told" not in comments


@pytest.mark.parametrize(
    "path",
    [
        "/contoso/nowhere",
        f"/contoso/{PROJECT}/_boards",
        f"/contoso/{PROJECT}/_build/results",
        f"/contoso/{PROJECT}/_build/results?buildId=999999",
        f"/contoso/{PROJECT}/_build/results?buildId=x",
        f"/contoso/{PROJECT}/_build?definitionId=x",
        f"/contoso/{PROJECT}/_git/nowhere",
        f"/contoso/{PROJECT}/_git/pages/pullrequest/0",
        f"/contoso/{PROJECT}/_git/pages/commit/0000000",
    ],
)
def test_what_is_not_there_is_said_on_a_page(standin: StandIn, place: dict[str, Any], path: str) -> None:
    assert "Not here" in page(standin, path, 404)


def test_a_page_is_for_this_machine_only(standin: StandIn) -> None:
    """A name that leads here is another site's: its scripts could read what they are shown."""
    answer = requests.get(f"{standin.url}/contoso", headers=BROWSER | {"Host": "evil.example"}, timeout=60)
    assert answer.status_code == 403


def test_the_api_and_git_are_answered_as_ever(standin: StandIn, dana: Person, place: dict[str, Any]) -> None:
    api = f"{standin.url}/contoso/_apis/projects"
    assert requests.get(api, headers=BROWSER, timeout=60).status_code == 203
    assert requests.post(f"{standin.url}/contoso/{PROJECT}", headers=BROWSER, timeout=60).status_code == 203
    git = f"{standin.url}/contoso/{PROJECT}/_git/pages/info/refs?service=git-upload-pack"
    assert requests.get(git, headers={"Accept": "*/*"}, timeout=60).status_code == 401
    assert dana.ask("GET", f"/{PROJECT}").headers["Content-Type"].startswith("application/json")
