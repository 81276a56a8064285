"""Pipelines that really run: order, conditions, variables, outputs, deployments, artifacts, cancellation."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from isthmus.errors import BadInput
from isthmus.local.pipelines.host import VariableValue


def test_a_step_sees_variables_by_macro_and_environment(shop: Any) -> None:
    said = shop.said(
        """
        variables:
          my.name: the name
          both: $(my.name) $(Build.BuildId)
          loop: $(loop)
          date: $[format('{0}!', variables['Build.Reason'])]
        steps:
        - bash: |
            echo "$MY_NAME|$BOTH|$LOOP|$DATE|$BUILD_SOURCEBRANCHNAME|$SYSTEM_STAGENAME|$TF_BUILD"
            echo '$(both)|$(nope)'
            pwd
        """
    )
    first, second, third = said.splitlines()
    assert first == "the name|the name 7|$(loop)|Manual!|main|__default|True"
    assert second == "the name 7|$(nope)"
    assert third.endswith("/s")


def test_secrets_are_masked_and_reach_a_step_only_by_env(shop: Any) -> None:
    said = shop.run(
        """
        steps:
        - bash: echo "[$TOKEN][${PASSWORD:-none}][$(password)]"
          env: {TOKEN: $(System.AccessToken)}
        """,
        queued={"password": VariableValue("pa ss", secret=True)},
    ).log
    assert "[***][none][***]" in said
    assert "pa ss" not in said


def test_output_variables_cross_jobs_and_stages(shop: Any) -> None:
    ran = shop.run(
        """
        stages:
        - stage: one
          jobs:
          - job: a
            steps:
            - bash: |
                echo "##vso[task.setvariable variable=color;isOutput=true]blue"
                echo "##vso[task.setvariable variable=here]local"
              name: set
            - bash: echo "same job $(set.color) $SET_COLOR $(here)"
          - job: b
            dependsOn: a
            condition: eq(dependencies.a.outputs['set.color'], 'blue')
            variables: {c: "$[ dependencies.a.outputs['set.color'] ]"}
            steps: [bash: echo "same stage $(c)"]
        - stage: two
          dependsOn: one
          condition: and(succeeded(), eq(dependencies.one.outputs['a.set.color'], 'blue'))
          variables: {d: "$[ stageDependencies.one.a.outputs['set.color'] ]"}
          jobs: [{job: c, steps: [{bash: 'echo "other stage $(d)"'}]}]
        """
    )
    assert "same job blue blue local" in ran.log
    assert "same stage blue" in ran.log
    assert "other stage blue" in ran.log
    assert ran.result == "succeeded"


def test_after_a_failure_only_what_asks_for_it_runs(shop: Any) -> None:
    ran = shop.run(
        """
        jobs:
        - job: a
          steps:
          - bash: exit 3
            name: bad
          - {bash: 'true', name: normal}
          - {bash: 'true', name: on_failure, condition: failed()}
          - {bash: 'true', name: at_last, condition: always()}
          - {bash: 'true', name: off, enabled: 'false', condition: always()}
        - {job: b, dependsOn: a, steps: [bash: 'true']}
        - {job: c, dependsOn: a, condition: failed(), steps: [bash: 'true']}
        - {job: d, dependsOn: c, condition: always(), steps: [bash: 'true']}
        - {job: e, dependsOn: d, steps: [bash: 'true']}
        - {job: f, dependsOn: [], steps: [bash: 'true']}
        """
    )
    steps = {key.rsplit(".", 1)[1]: result for key, result in ran.results("Task").items() if ".a." in key}
    assert steps == {
        "checkout": "succeeded",
        "bad": "failed",
        "normal": "skipped",
        "on_failure": "succeeded",
        "at_last": "succeeded",
        "off": "skipped",
    }
    phases = {key.rsplit(".", 1)[1]: result for key, result in ran.results("Phase").items()}
    # e depends on a job that succeeded; but the whole graph above it counts, and there a failed.
    assert phases == {
        "a": "failed",
        "b": "skipped",
        "c": "succeeded",
        "d": "succeeded",
        "e": "skipped",
        "f": "succeeded",
    }
    assert ran.result == "failed"
    assert "bash exited with code '3'" in ran.issues()


def test_continue_on_error_and_retries(shop: Any) -> None:
    ran = shop.run(
        """
        steps:
        - bash: exit 1
          continueOnError: 'true'
        - bash: test -e $(Agent.TempDirectory)/tried || { touch $(Agent.TempDirectory)/tried; exit 1; }
          retryCountOnTaskFailure: '1'
        - bash: echo "##vso[task.complete result=SucceededWithIssues;]hm"
        - bash: echo status $(Agent.JobStatus)
        """
    )
    assert ran.result == "succeededWithIssues"
    assert "status SucceededWithIssues" in ran.log


def test_a_matrix_and_its_outputs(shop: Any) -> None:
    ran = shop.run(
        """
        jobs:
        - job: list
          steps:
          - bash: echo '##vso[task.setvariable variable=m;isOutput=true]{"x":{"v":"1"},"y":{"v":"2"}}'
            name: make
        - job: each
          dependsOn: list
          strategy:
            matrix: $[ dependencies.list.outputs['make.m'] ]
            maxParallel: '2'
          steps:
          - bash: echo "##vso[task.setvariable variable=got;isOutput=true]$(v)$(v)"
            name: s
        - job: sum
          dependsOn: each
          variables:
            a: $[ dependencies.each.outputs['x.s.got'] ]
            b: $[ dependencies.each.outputs['y.s.got'] ]
          steps: [bash: echo "sum $(a) $(b)"]
        """
    )
    assert "sum 11 22" in ran.log
    assert ran.results()["__default.each.y"] == "succeeded"


DEPLOYMENT = """
stages:
- stage: build
  jobs:
  - job: j
    steps:
    - bash: echo made > $(Build.ArtifactStagingDirectory)/made.txt
    - publish: $(Build.ArtifactStagingDirectory)
      artifact: drop
- stage: prod
  lockBehavior: sequential
  jobs:
  - deployment: d
    environment: prod
    strategy:
      runOnce:
        preDeploy: {steps: [bash: echo before]}
        deploy:
          steps:
          - bash: |
              cat $(Pipeline.Workspace)/drop/made.txt
              ls $(Build.SourcesDirectory)
              echo "##vso[task.setvariable variable=url;isOutput=true]here"
              {EXIT}
            name: out
        on:
          success: {steps: [bash: echo all good]}
          failure: {steps: [bash: echo rolled back]}
  - job: after
    dependsOn: d
    variables: {u: "$[ dependencies.d.outputs['d.out.url'] ]"}
    steps: [{checkout: none}, {bash: echo 'url $(u) in $(Environment.Name)'}]
"""


def test_a_deployment_downloads_artifacts_and_lives_its_life(shop: Any) -> None:
    ran = shop.run(DEPLOYMENT.replace("{EXIT}", ""))
    lines = [line for line in ran.host.lines if not line.startswith(("Checked", "Published", "Down"))]
    assert lines == ["before", "made", "all good", "url here in $(Environment.Name)"]
    checkpoint = ran.host.checkpoints[1]
    assert (checkpoint.environments, checkpoint.lock_behavior) == (("prod",), "sequential")


def test_a_failed_deployment_runs_on_failure(shop: Any) -> None:
    ran = shop.run(DEPLOYMENT.replace("{EXIT}", "exit 1"))
    assert "rolled back" in ran.host.lines
    assert "all good" not in ran.host.lines
    assert ran.results()["prod.d.success"] == "skipped"
    assert ran.result == "failed"


def test_a_refused_check_fails_the_stage_and_says_who(shop: Any) -> None:
    ran = shop.run(DEPLOYMENT, prepare=lambda host: host.refuse.add("prod"))
    assert ran.stages["prod"].result == "failed"
    assert "rejected by ada: prod" in ran.issues()
    assert "before" not in ran.host.lines


def test_azure_cli_gives_the_connections_token_to_its_script(shop: Any) -> None:
    ran = shop.run(
        """
        variables: {where: cloud}
        steps:
        - checkout: none
        - task: AzureCLI@2
          inputs:
            azureSubscription: $(where)
            addSpnToEnvironment: true
            scriptType: bash
            scriptLocation: inlineScript
            inlineScript: |
              echo "$servicePrincipalId $tenantId $idToken ${#idToken}"
        - bash: echo "after [${idToken:-gone}]"
        """
    )
    assert "client-1 tenant-1 *** 14" in ran.log
    assert "after [gone]" in ran.log
    assert ran.host.checkpoints[0].connections == ("cloud",)


def test_an_unknown_connection_is_named(shop: Any) -> None:
    ran = shop.run(
        """
        steps:
        - task: AzureCLI@2
          inputs: {azureSubscription: nope, scriptType: bash, scriptLocation: inlineScript, inlineScript: ls}
        """
    )
    assert ran.result == "failed"
    assert any("no service connection 'nope'" in issue for issue in ran.issues())


def test_logging_commands(shop: Any) -> None:
    ran = shop.run(
        """
        steps:
        - bash: |
            echo "# Summary" > s.md
            echo "##vso[task.uploadsummary]$PWD/s.md"
            echo "##vso[task.addattachment type=kind;name=n;]$PWD/s.md"
            echo "##vso[build.addbuildtag]v1"
            echo "##vso[build.updatebuildnumber]2.0"
            echo "##vso[task.logissue type=warning;sourcepath=a.py;linenumber=3]careful%3B"
            echo "##vso[task.setvariable variable=x;isreadonly=true]1"
            echo "##vso[task.setvariable variable=x]2"
            echo "##vso[task.setvariable variable=k;issecret=true]hush"
            echo "##vso[task.prependpath]$PWD/bin"
            echo "##vso[task.nothing]"
            mkdir bin; printf '#!/bin/sh\\necho mine\\n' > bin/tool; chmod +x bin/tool
        - bash: 'tool; echo "x=$(x) k=$(k) K=[$K] number=$(Build.BuildNumber)"'
        """
    )
    host = ran.host
    assert host.tags == ["v1"]
    assert host.numbers == ["2.0"]
    assert [one[0] for one in host.attached] == ["Distributedtask.Core.Summary", "kind"]
    assert "a.py(3): careful;" in ran.issues()
    assert "the variable 'x' is read-only" in ran.issues()
    assert any("unknown logging command 'task.nothing'" in issue for issue in ran.issues())
    assert "mine\nx=1 k=*** K=[] number=2.0" in ran.log


def test_later_jobs_see_the_number_that_a_job_gave_the_run(shop: Any) -> None:
    ran = shop.run(
        """
        stages:
        - stage: first
          jobs:
          - job: names
            steps: [{bash: 'echo "##vso[build.updatebuildnumber]2.0"'}]
          - job: beside
            dependsOn: names
            steps: [{bash: 'echo "beside=$(Build.BuildNumber) $BUILD_BUILDNUMBER"'}]
        - stage: second
          jobs:
          - job: after
            condition: eq(variables['Build.BuildNumber'], '2.0')
            steps: [{bash: 'echo "after=$(Build.BuildNumber)"'}]
        """
    )
    assert ran.host.numbers == ["2.0"]
    assert "beside=2.0 2.0" in ran.log
    assert "after=2.0" in ran.log


def test_a_restricted_target_obeys_no_uploads(shop: Any) -> None:
    ran = shop.run(
        """
        steps:
        - bash: |
            echo "##vso[build.addbuildtag]v1"
            echo "##vso[task.setvariable variable=a]1"
            echo "##vso[task.setvariable variable=b]1"
          target: {commands: restricted, settableVariables: [a]}
        - bash: echo "[$(a)][$B]"
        """
    )
    assert ran.host.tags == []
    assert "[1][]" in ran.log


@pytest.mark.parametrize(
    "value", ["$(Build.BuildId)", "`id`", "'; echo broken; '", "##vso[build.addbuildtag]x"]
)
def test_a_parameter_reaches_a_process_by_env_as_it_is(shop: Any, value: str) -> None:
    text = """
    parameters: [{name: p, type: string}]
    steps:
    - task: PythonScript@0
      inputs: {scriptSource: inline, script: 'import os; print(ascii(os.environ["P"]).replace("#", "."))'}
      env: {P: '${{ parameters.p }}'}
    """
    ran = shop.run(text, p=value)
    expected = "7" if value == "$(Build.BuildId)" else value
    assert ascii(expected).replace("#", ".") in ran.log
    assert ran.host.tags == []


def test_test_results_and_downloads_with_patterns(shop: Any) -> None:
    ran = shop.run(
        """
        jobs:
        - job: a
          steps:
          - bash: |
              mkdir -p $(Common.TestResultsDirectory)/x out/keep
              echo '<testsuite><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>' \\
                > $(Common.TestResultsDirectory)/x/TEST-a.xml
              touch out/keep/yes.txt out/no.bin
          - publish: out
            artifact: o
          - task: PublishTestResults@2
            inputs:
              testResultsFormat: JUnit
              searchFolder: $(Common.TestResultsDirectory)
              failTaskOnFailedTests: true
              testRunTitle: mine
        - job: b
          dependsOn: a
          condition: always()
          steps:
          - task: DownloadPipelineArtifact@2
            inputs: {artifact: o, patterns: "**/*.txt", path: got}
          - bash: find got -type f
        """
    )
    assert ran.host.tests == [("mine", ["TEST-a.xml"])]
    assert "1 of 2 tests failed" in ran.issues()
    assert "got/keep/yes.txt" in ran.log
    assert "no.bin" not in ran.log


def test_several_checkouts_lie_side_by_side(shop: Any, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/mark").touch()
    shop.others["lib"] = tmp_path / "lib"
    said = shop.said(
        """
        resources:
          repositories: [{repository: lib, type: git, name: weather/thelib}]
        steps:
        - checkout: self
        - checkout: lib
        - bash: ls; ls thelib
        """
    )
    assert said.split() == ["self", "thelib", "mark"]


def test_cancelling_stops_the_step_and_runs_what_always_runs(shop: Any) -> None:
    def prepare(host: Any) -> None:
        log = host.log

        def cancel_when_it_runs(record_id: str, lines: list[str]) -> None:
            log(record_id, lines)
            if "sleeping" in lines:
                threading.Thread(target=host.cancelled.set).start()

        host.log = cancel_when_it_runs

    ran = shop.run(
        """
        jobs:
        - job: a
          steps:
          - {bash: 'echo sleeping; exec sleep 60', name: long}
          - {bash: 'true', name: next}
          - {bash: 'echo cleaned', name: clean, condition: always()}
        - {job: b, dependsOn: a, steps: [bash: 'true']}
        """,
        prepare=prepare,
    )
    steps = {key.rsplit(".", 1)[1]: result for key, result in ran.results("Task").items() if ".a." in key}
    assert steps == {
        "checkout": "succeeded",
        "long": "canceled",
        "next": "skipped",
        "clean": "succeeded",
    }
    assert ran.results("Phase")["__default.b"] == "canceled"
    assert ran.result == "canceled"


def test_a_step_that_takes_too_long_fails(shop: Any) -> None:
    plan_text = """
    jobs:
    - job: a
      timeoutInMinutes: '0.005'
      steps:
      - {bash: 'sleep 60', name: long}
      - {bash: 'true', name: last, condition: always()}
    """
    ran = shop.run(plan_text)
    assert ran.results() == {"__default.a.__default": "canceled"}
    assert any("maximum time" in issue for issue in ran.issues())


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("- task: Docker@2", "the task Docker@2 does not run here"),
        ("- task: Bahs@3", "did you mean 'Bash@3'?"),
        ("- {task: Bash@3, inputs: {scrpt: x}}", "Bash@3 has no input 'scrpt'; did you mean 'script'?"),
        ("- task: PublishPipelineArtifact@1", "needs the input 'targetPath'"),
        ("- {download: other, artifact: x}", "another run"),
        ("- {task: PublishTestResults@2, inputs: {testResultsFormat: NUnit}}", "use JUnit"),
        ("- {checkout: self, submodules: 'true'}", "`submodules` of a checkout is not supported"),
        ("- {task: InvokeRESTAPI@1, inputs: {serviceConnection: x}}", "only in a job with `pool: server`"),
    ],
)
def test_what_cannot_run_here_is_said_before_anything_runs(shop: Any, step: str, message: str) -> None:
    def never(host: Any) -> None:
        host.access_token = lambda job_id: pytest.fail("a job has begun")

    with pytest.raises(BadInput) as caught:
        shop.run(f"steps:\n- script: x\n{step}\n", prepare=never)
    assert message in str(caught.value)
    assert caught.value.where.startswith("pipeline.yml:3")


def test_a_job_without_an_agent_runs_only_what_azure_devops_runs_itself(shop: Any) -> None:
    with pytest.raises(BadInput, match="on an agent, and not on the server"):
        shop.run("jobs:\n- job: a\n  pool: server\n  steps:\n  - script: x\n")


def test_what_waits_to_be_called_back_is_passed_over_here_with_a_warning(shop: Any) -> None:
    text = """
    jobs:
    - job: a
      pool: server
      steps:
      - {task: InvokeRESTAPI@1, inputs: {serviceConnection: cloud, waitForCompletion: 'true'}}
    """
    ran = shop.run(text)
    assert (ran.result, ran.results()) == ("succeeded", {"__default.a.__default": "succeeded"})
    assert ran.issues() == ["nothing was asked: only Azure DevOps can be told that the task is complete"]


@pytest.mark.parametrize(
    "secret", ["one\ntwo lines", 'quo"te', "per cent/", "back\\slash", "it's\ttab", "'\"ü"]
)
def test_a_secret_is_masked_however_it_is_written(shop: Any, secret: str) -> None:
    ran = shop.run(
        """
        steps:
        - task: PythonScript@0
          env: {KEY: $(key)}
          inputs:
            scriptSource: inline
            script: |
              import json, os, urllib.parse
              key = os.environ["KEY"]
              print(key, json.dumps(key), json.dumps(key, ensure_ascii=False), flush=True)
              print(urllib.parse.quote(key), urllib.parse.quote(key, safe=""), urllib.parse.quote_plus(key))
              print(repr(key), repr(f'"{key}'), flush=True)
              open("s.md", "w").write(key)
              print(f"##vso[task.uploadsummary]{os.getcwd()}/s.md")
              print(f"##vso[task.logissue type=warning]{key}")
              print(f"##vso[build.addbuildtag]{key}")
        """,
        queued={"key": VariableValue(secret, secret=True)},
    )
    shown = "\n".join([ran.log, *ran.issues(), *ran.host.tags, *(text for _, _, text in ran.host.attached)])
    assert ran.result == "succeeded", ran.log
    assert shown.count("***") >= 12
    for line in secret.splitlines():
        assert line not in shown


def test_a_run_is_called_as_the_file_says(shop: Any) -> None:
    ran = shop.run(
        "name: $(BuildDefinitionName)_$(SourceBranchName)_$(v)$(Rev:.rr)\nvariables: {v: 3}\n"
        "steps: [bash: echo number $(Build.BuildNumber)]"
    )
    assert "number rain-build_main_3.01" in ran.log
    assert ran.host.numbers == ["rain-build_main_3.01"]


def test_work_folders_are_gone_afterwards(shop: Any) -> None:
    shop.run("steps:\n- script: touch x\n")
    assert list((shop.folder / "work").iterdir()) == []


def test_a_matrix_may_be_written_with_single_quotes(shop: Any) -> None:
    said = shop.said(
        """
        jobs:
        - job: a
          steps:
          - bash: echo "##vso[task.setvariable variable=m;isOutput=true]{'x':{'v':'1'}, 'y':{'v':'2'}}"
            name: s
        - job: b
          dependsOn: a
          strategy: {matrix: "$[ dependencies.a.outputs['s.m'] ]"}
          steps: [{bash: echo leg $(v)}]
        """
    )
    assert "leg 1" in said
    assert "leg 2" in said


def test_all_that_cannot_run_here_is_said_at_once(shop: Any) -> None:
    text = (
        "resources: {containers: [{container: c, image: i}]}\n"
        "jobs:\n- {job: a, container: c, steps: [{task: DotNetCoreCLI@2}]}\n"
        "- job: b\n  steps:\n  - script: x\n    target: c\n"
    )
    with pytest.raises(BadInput) as caught:
        shop.run(text)
    said = str(caught.value)
    assert "3 things are wrong" in said
    assert "jobs in containers do not run here" in said
    assert "the task DotNetCoreCLI@2 does not run here" in said
    assert "steps in containers do not run here: 'c'\n  where: pipeline.yml:6:5" in said


def test_parallel_may_be_known_only_when_the_job_begins(shop: Any) -> None:
    text = """
    variables: {count: '3'}
    jobs:
    - job: a
      strategy: {parallel: $(count)}
      steps: [{bash: echo part $(System.JobPositionInPhase) of $(System.TotalJobsInPhase)}]
    """
    for written in (text, text.replace("$(count)", "3")):
        said = shop.said(written).splitlines()
        assert sorted(line for line in said if "part" in line) == [f"part {n} of 3" for n in (1, 2, 3)]
    ran = shop.run(text.replace("'3'", "many"))
    assert ran.issues() == ["`parallel` is a number of jobs up to 99, not 'many'"]


def test_the_only_checkout_is_where_the_job_works(shop: Any) -> None:
    shop.write("", "here.txt")
    said = shop.said(
        "steps:\n- checkout: self\n  path: mine\n- bash: ls here.txt; basename $(Build.SourcesDirectory)\n"
    )
    assert said.splitlines() == ["here.txt", "mine"]


@pytest.mark.parametrize("debug", ["false", "true"])
def test_debugging_is_shown_on_request(shop: Any, debug: str) -> None:
    said = shop.said(
        f"variables: {{System.Debug: '{debug}'}}\nsteps:\n- bash: echo '##vso[task.debug]deep'; "
        "echo '##vso[task.logdetail id=1]x'\n"
    )
    assert ("##[debug]deep" in said) == (debug == "true")
    assert "##[warning]" not in said


@pytest.mark.parametrize("number", ["²", "9" * 5000, "-1", "1.5", "x"])
def test_a_number_that_is_none_does_no_harm(shop: Any, number: str) -> None:
    ran = shop.run(
        f"steps:\n- bash: echo '##vso[task.setprogress value={number}]'; echo went on\n"
        f"  retryCountOnTaskFailure: '{number}'\n  timeoutInMinutes: '{number}'\n"
    )
    assert ran.result == "succeeded"
    assert "went on" in ran.log
