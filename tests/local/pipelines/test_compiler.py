"""What templates become, and what is said of each mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from isthmus.errors import BadInput
from isthmus.local.pipelines.plan import Variable
from isthmus.local.pipelines.rendering import final_yaml


def scripts(plan: Any) -> list[str]:
    return [
        step.inputs.get("script", step.task)
        for stage in plan.stages
        for job in stage.jobs
        for step in job.all_steps()
    ]


def test_steps_alone_are_one_job_in_one_stage(shop: Any) -> None:
    plan = shop.compile("steps:\n- script: echo hi\n- bash: ls\n  workingDirectory: x")
    assert [(stage.name, [job.name for job in stage.jobs]) for stage in plan.stages] == [
        ("__default", ["Job"])
    ]
    assert [step.task for step in plan.stages[0].jobs[0].steps] == ["CmdLine@2", "Bash@3"]
    assert plan.stages[0].jobs[0].steps[1].inputs["workingDirectory"] == "x"


def test_stages_follow_each_other_and_jobs_do_not(shop: Any) -> None:
    plan = shop.compile(
        """
        stages:
        - stage: a
          jobs:
          - job: one
            steps: [script: x]
          - job: two
            steps: [script: x]
        - stage: b
          jobs: [{job: x, steps: [script: x]}]
        - stage: c
          dependsOn: []
          jobs: [{job: x, steps: [script: x]}]
        """
    )
    assert [stage.depends_on for stage in plan.stages] == [(), ("a",), ()]
    assert [job.depends_on for job in plan.stages[0].jobs] == [(), ()]


def test_if_elseif_else_and_each(shop: Any) -> None:
    text = """
    parameters:
    - name: kind
      type: string
      default: b
    - name: list
      type: object
      default: [{n: 1}, {n: 2}]
    - name: map
      type: object
      default: {x: 1, y: 2}
    steps:
    - ${{ if eq(parameters.kind, 'a') }}:
      - script: first
    - ${{ elseif eq(parameters.kind, 'b') }}:
      - script: second
    - ${{ else }}:
      - script: third
    - ${{ each item in parameters.list }}:
      - script: n ${{ item.n }}
        ${{ if eq(item.n, 2) }}:
          displayName: two
    - ${{ each pair in parameters.map }}:
      - script: ${{ pair.key }}=${{ pair.value }}
        env:
          ${{ insert }}: ${{ parameters.map }}
          ${{ pair.key }}_own: z
    """
    plan = shop.compile(text)
    assert scripts(plan) == ["second", "n 1", "n 2", "x=1", "y=2"]
    steps = plan.stages[0].jobs[0].steps
    assert steps[2].display_name == "two"
    assert dict(steps[3].env) == {"x": "1", "y": "2", "x_own": "z"}
    assert scripts(shop.compile(text, kind="q"))[0] == "third"


def test_parameters_are_typed_and_booleans_are_spelt_as_dotnet_does(shop: Any) -> None:
    text = """
    parameters:
    - {name: flag, type: boolean, default: 'true'}
    - {name: number, type: number, default: 3}
    - {name: extra, type: stepList, default: [{script: given}]}
    - {name: obj, type: object, default: {}}
    steps:
    - script: ${{ parameters.flag }} ${{ parameters.number }} ${{ convertToJson(parameters.obj) }}
    - ${{ parameters.extra }}
    """
    assert scripts(shop.compile(text)) == ["True 3 {}", "given"]
    asked = shop.compile(text, flag="FALSE", number="4.5", obj="{a: [1]}", extra="[{script: mine}]")
    assert scripts(asked) == ['False 4.5 {\n  "a": [\n    "1"\n  ]\n}', "mine"]


def test_templates_of_steps_jobs_stages_and_variables_nest(shop: Any) -> None:
    shop.write("parameters: [{name: who}]\nsteps:\n- script: hi ${{ parameters.who }}\n", "t/steps.yml")
    shop.write(
        """
        parameters: [{name: who}]
        jobs:
        - job: ${{ parameters.who }}
          steps:
          - template: steps.yml
            parameters: {who: '${{ parameters.who }} ${{ variables.v }}'}
        """,
        "t/jobs.yml",
    )
    shop.write("variables:\n  v: from-template\n  w: ${{ variables.v }}!\n", "v.yml")
    plan = shop.compile(
        """
        variables:
        - template: v.yml
        - name: x
          value: ${{ variables.w }}
        jobs:
        - template: t/jobs.yml
          parameters: {who: ada}
        """
    )
    assert scripts(plan) == ["hi ada from-template"]
    assert [one.value for one in plan.variables if isinstance(one, Variable)] == [
        "from-template",
        "from-template!",
        "from-template!",
    ]


def test_extends_a_template_of_another_repository(shop: Any, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "dir").mkdir(parents=True)
    (other / "dir/base.yml").write_text(
        "parameters:\n- {name: mine, type: stepList}\n"
        "stages:\n- stage: s\n  jobs:\n  - job: j\n    steps:\n"
        "    - template: first.yml\n    - ${{ parameters.mine }}\n"
    )
    (other / "dir/first.yml").write_text("steps:\n- script: theirs\n")
    shop.others["lib"] = other
    shop.write("steps:\n- script: ours\n", "ours.yml")
    plan = shop.compile(
        """
        resources:
          repositories:
          - {repository: lib, type: git, name: other, ref: main}
        extends:
          template: dir/base.yml@lib
          parameters:
            mine:
            - template: ours.yml
        """
    )
    assert scripts(plan) == ["theirs", "ours"]
    assert plan.extends == (("git", "/other", "refs/heads/main", "dir/base.yml"),)


HOSTILE = [
    "${{ parameters.secret }}",
    "$(System.AccessToken)",
    "a: [b",
    "- x",
    "##vso[task.complete]",
    "'}}'",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_what_a_parameter_says_is_never_read_again(shop: Any, value: str) -> None:
    shop.write("parameters: [{name: p}]\nsteps:\n- script: '${{ parameters.p }}'\n", "t.yml")
    plan = shop.compile(
        "parameters: [{name: p, type: string}]\nsteps:\n"
        "- script: '${{ parameters.p }}'\n- template: t.yml\n  parameters: {p: '${{ parameters.p }}'}\n",
        p=value,
    )
    assert scripts(plan) == [value, value]


def test_what_is_printed_means_the_same(shop: Any) -> None:
    plan = shop.compile(
        """
        variables: [{name: a, value: 'x: y', readonly: true}]
        stages:
        - stage: s
          lockBehavior: sequential
          isSkippable: 'false'
          jobs:
          - deployment: d
            environment: prod
            condition: always()
            strategy:
              runOnce:
                deploy:
                  steps:
                  - checkout: self
                  - bash: "a\\nb"
                    env: {X: '1'}
                    retryCountOnTaskFailure: '2'
                on: {failure: {steps: [{script: oh}]}}
          - job: m
            dependsOn: d
            strategy: {matrix: {one: {v: '1'}}, maxParallel: '2'}
            steps: [{download: current, artifact: x}, {task: PythonScript@0, inputs: {script: x}}]
        """
    )
    again = shop.compile(final_yaml(plan))
    assert final_yaml(again) == final_yaml(plan)
    assert yaml.safe_load(final_yaml(again))["stages"][0]["jobs"][0]["environment"] == "prod"


MISTAKES = [
    ("steps:\n- scrpt: x", "not a step: it begins with 'scrpt'; did you mean 'script'?", 2),
    ("steps:\n- script: x\n  displayname: y", "unknown key 'displayname'", 3),
    ("stepz:\n- script: x", "unknown key 'stepz'", 1),
    ("steps:\n- script: ${{ eq(1 }}", "is expected at the end", 2),
    ("steps:\n- script: ${{ parameters.nope }}", "there is no parameter 'nope'", 2),
    (
        "parameters: [{name: model, default: x}]\nsteps:\n- script: ${{ parameters.modle }}",
        "there is no parameter 'modle'; did you mean 'model'?",
        3,
    ),
    ("steps:\n- script: x\n  continueOnError: perhaps", "`continueOnError` is true or false", 3),
    ("steps:\n- ${{ if false }}:\n  - ${{ else }}", "write a ':' after it", 3),
    ("steps:\n- ${{ if false }}:\n  - script: ${{ eqq(1, 2) }}", "unknown function 'eqq'", 3),
    ("steps:\n- script: x\n- ${{ else }}:\n  - script: y", "'else' has no 'if'", 3),
    ("steps:\n- script: ${{ 1", "has no closing '}}'", 2),
    ("steps:\n- template: nope.yml", "there is no file 'nope.yml'", 2),
    ("steps:\n- template: x.yml@platfrom", "there is no repository 'platfrom'", 2),
    ("steps:\n- template: ../../x.yml", "lies outside of its repository", 2),
    ("parameters: [{name: p, type: strng}]\nsteps: []", "did you mean 'string'?", 1),
    ("parameters: [{name: p, type: number, default: x}]\nsteps: []", "is of type number, not 'x'", 1),
    ("parameters: [{name: p}]\nsteps: []", "required parameter has no value: p", 1),
    ("parameters: [{name: p, default: a, values: [b]}]\nsteps: []", "'a' is not a value", 1),
    (
        "parameters: [{name: p, type: stringList, default: [a, c], values: [a, b]}]\nsteps: []",
        "'c' is not a",
        1,
    ),
    ("steps:\n- script: ${{ substring('a', " + "9" * 400 + ") }}", "in the expression", 2),
    ("steps:\n- script: ${{ format('{" + "9" * 5000 + "}', 1) }}", "in the expression", 2),
    ("steps:\n- script: ${{ 0x" + "F" * 300 + " }}", "too large", 2),
    ("jobs:\n- job: a\n  dependsOn: bb\n  steps: []\n- job: b\n  steps: []", "did you mean 'b'?", 2),
    (
        "jobs:\n- {job: a, dependsOn: b, steps: []}\n- {job: b, dependsOn: a, steps: []}",
        "jobs depend on each other: a -> b -> a",
        2,
    ),
    ("jobs:\n- {job: a, steps: []}\n- {job: A, steps: []}", "two jobs are called 'A'", 3),
    ("jobs:\n- {job: a-b, steps: []}", "the name 'a-b' of a job is not valid", 2),
    ("jobs:\n- job: a\n  condition: eq(1\n  steps: []", "the condition:", 3),
    ("jobs:\n- job: a\n  condition: succeded()\n  steps: []", "did you mean 'succeeded'?", 3),
    ("steps:\n- script: x\n  condition: eq(dependencies.a.result, 1)", "a step sees no dependencies", 3),
    ("jobs:\n- job: a\n  condition: eq(parameters.x, 1)\n  steps: []", "a condition sees no parameters", 3),
    ("variables:\n  a: $[ counter( ]\nsteps: []", "counter(", 2),
    ("steps:\n- checkout: lib", "there is no repository 'lib' to check out", 2),
    ("jobs:\n- deployment: d\n  strategy: {runOnce: {deploy: {steps: []}}}", "needs an `environment`", 2),
    ("jobs:\n- deployment: d\n  environment: e\n  strategy: {canary: {}}", "`canary` needs `deploy`", 4),
    ("a: 1\na: 2", "the key 'a' stands twice, first in line 1", 2),
    ("steps:\n- &x {script: y}\n- *x", "does not support YAML anchors", 2),
    ("steps: [", "not valid YAML", 1),
    ("- script: x", "a pipeline file is a mapping", 1),
    ("variables: {a: 1}", "no steps, jobs or stages", 1),
    ("steps:\n- script: x ${{ variables }}", "cannot stand inside text", 2),
    ("steps:\n- {script: a, name: n}\n- {script: b, name: n}", "two steps are called 'n'", 3),
    ("stages:\n- stage: s\n  lockBehavior: seqential\n  jobs: []", "did you mean 'sequential'?", 3),
    ("stages:\n- stage: s", "the stage 's' has no jobs", 2),
    ("parameters: [{name: p, default: '${{ 1 }}'}]\nsteps: []", "not allowed in a parameter's default", 1),
    ("steps:\n- task: Bash", "a task is written NAME@VERSION", 2),
]


@pytest.mark.parametrize(("text", "message", "line"), MISTAKES, ids=[one[1] for one in MISTAKES])
def test_each_mistake_is_named_with_its_line(shop: Any, text: str, message: str, line: int) -> None:
    with pytest.raises(BadInput) as caught:
        shop.compile(text)
    assert message in str(caught.value)
    assert caught.value.where.startswith(f"pipeline.yml:{line}")


def test_arguments_of_a_template_are_checked_where_they_are_given(shop: Any) -> None:
    shop.write("parameters: [{name: count, type: number, default: 1}]\nsteps: []\n", "t.yml")
    with pytest.raises(BadInput, match="unexpected parameter 'cuont'; did you mean 'count'") as caught:
        shop.compile("steps:\n- template: t.yml\n  parameters:\n    cuont: 1\n")
    assert caught.value.where == "pipeline.yml:4:12"
    shop.write("parameters: [{name: count, type: number}]\nsteps: []\n", "t.yml")
    with pytest.raises(BadInput, match="required parameter has no value: count"):
        shop.compile("steps:\n- template: t.yml\n")


MANY = """\
parameters: [{name: p, default: a}]
variables:
- group: nowhere
- {name: v, value: '$[ nope( ]'}
stages:
- stage: one
  dependsOn: two
  jobs:
  - job: a
    condition: eq(1
    steps:
    - scrpt: x
    - template: missing.yml
    - script: ${{ parameters.q }}
    - {script: x, name: n, timeout: 3}
    - {script: x, name: n}
  - jbo: b
- stage: two
  jobs:
  - {job: a, steps: [{checkout: lib}], dependsOn: B}
  - {job: b, steps: [], continueOnError: perhaps}
"""


def test_all_mistakes_are_told_at_once_with_line_and_column(shop: Any) -> None:
    with pytest.raises(BadInput) as caught:
        shop.compile(MANY)
    places = [line.removeprefix("  where: ") for line in str(caught.value).splitlines() if "where:" in line]
    assert [place.removeprefix("pipeline.yml:") for place in places] == [
        *("3:3", "10:16", "12:7", "13:17", "14:15", "15:28", "16:7", "17:5", "21:25"),
        *("4:3", "20:22"),
    ]


def test_what_is_missing_only_because_it_is_broken_is_not_missed(shop: Any) -> None:
    with pytest.raises(BadInput) as caught:
        shop.compile("jobs:\n- {job: a, stps: x}\n- {job: b, dependsOn: a, steps: []}\n")
    assert "depends on" not in str(caught.value)


def test_names_in_depends_on_ignore_case(shop: Any) -> None:
    plan = shop.compile("jobs:\n- {job: Aa, steps: []}\n- {job: b, dependsOn: [aA, AA], steps: []}\n")
    assert plan.stages[0].jobs[1].depends_on == ("Aa",)


def test_templates_that_include_each_other_end(shop: Any) -> None:
    shop.write("steps:\n- template: a.yml\n", "a.yml")
    with pytest.raises(BadInput, match="nested"):
        shop.compile("steps:\n- template: a.yml\n")


def test_a_dependency_that_is_not_declared_is_a_warning(shop: Any) -> None:
    plan = shop.compile(
        "jobs:\n- {job: a, steps: []}\n"
        "- job: b\n  condition: eq(dependencies.a.result, 'Succeeded')\n  steps: []"
    )
    assert "dependencies.a.result is empty" in plan.warnings[0]


@pytest.mark.parametrize(
    ("of_job", "of_stage", "said"),
    [
        ("dependencies.one.outputs['set.x']", "dependencies.a.outputs['one.set.x']", ""),
        ("stageDependencies.a.one.outputs['set.x']", "dependencies.a.result", ""),
        ("dependencies.many.outputs['m.set.x']", "dependencies.a.outputs['many.m.set.x']", ""),
        ("dependencies.on.result", "true", "the job does not depend on 'on'; did you mean 'one'?"),
        (
            "dependencies.one.outputs['sett.x']",
            "true",
            "has no step 'sett'; did you mean 'set'?",
        ),
        ("stageDependencies.z.one.result", "true", "the stage does not depend on 'z'"),
        ("stageDependencies.a.on.result", "true", "the stage 'a' has no job 'on'; did you mean 'one'?"),
        ("stageDependencies.a.one.outputs['no.x']", "true", "the job 'one' has no step 'no'"),
        ("true", "dependencies.a.outputs['on.set.x']", "the stage 'a' has no job 'on'; did you mean 'one'?"),
        ("true", "dependencies.a.outputs['one.no.x']", "the job 'one' has no step 'no'"),
    ],
)
def test_a_path_to_what_is_not_there_is_a_warning(shop: Any, of_job: str, of_stage: str, said: str) -> None:
    jobs = """
  - job: one
    steps: [{bash: x, name: set}]
  - job: many
    strategy: {matrix: {m: {k: v}}}
    steps: [{bash: x, name: set}]"""
    plan = shop.compile(
        f"stages:\n- stage: a\n  jobs:{jobs}\n"
        f"- stage: b\n  dependsOn: a\n  condition: {of_stage}\n  jobs:{jobs}\n"
        f"  - job: last\n    dependsOn: [one, many]\n    variables:\n      x: $[ {of_job} ]\n    steps: []\n"
    )
    assert [bool(said)] * bool(said) == [said in one and ".yml:" in one for one in plan.warnings]


def test_an_undeclared_name_that_is_not_reached_is_a_warning(shop: Any) -> None:
    plan = shop.compile(
        "parameters: [{name: a, default: x}]\nsteps:\n"
        "- ${{ if false }}:\n  - script: ${{ parameters.b }} ${{ parms.c }}\n"
        "- script: ${{ coalesce('x', parameters.b) }}\n"
    )
    assert scripts(plan) == ["x"]
    assert [warning.partition(": ")[2] for warning in plan.warnings] == [
        "there is no parameter 'b'",
        "unknown name 'parms'; did you mean 'parameters'?",
        "there is no parameter 'b'",
    ]


def test_a_template_of_the_old_way_takes_whatever_it_is_given(shop: Any) -> None:
    shop.write("parameters: {a: 1}\nsteps:\n- script: ${{ parameters.a }}${{ parameters.b }}\n", "t.yml")
    plan = shop.compile("steps:\n- template: t.yml\n  parameters: {b: 2}\n- template: t.yml\n")
    assert scripts(plan) == ["12", "1"]


def test_a_variable_sees_those_above_it(shop: Any) -> None:
    plan = shop.compile(
        """
        variables:
          a: 1
          ${{ if eq(variables.a, 1) }}:
            b: ${{ variables.a }}2
        steps:
        - script: ${{ variables.b }}
        """
    )
    assert scripts(plan) == ["12"]


@pytest.mark.parametrize(
    "resources",
    ["{repositories: [{repository: self, type: git, ref: main}]}", "[{repo: self, clean: true}]"],
)
def test_resources_may_say_how_self_is_fetched(shop: Any, resources: str) -> None:
    assert scripts(shop.compile(f"resources: {resources}\nsteps:\n- script: x\n")) == ["x"]


def test_an_alias_may_begin_with_a_digit(shop: Any, tmp_path: Path) -> None:
    shop.others["1ES-Templates"] = tmp_path
    (tmp_path / "t.yml").write_text("steps:\n- script: theirs\n")
    plan = shop.compile(
        "resources: {repositories: [{repository: 1ES-Templates, type: git, name: a/b}]}\n"
        "steps:\n- template: t.yml@1ES-Templates\n"
    )
    assert scripts(plan) == ["theirs"]


def test_a_template_elsewhere_finds_its_neighbour_by_alias_in_every_run_of_one_server(
    shop: Any, tmp_path: Path
) -> None:
    shop.others["lib"] = tmp_path / "lib"
    (tmp_path / "lib" / "dir").mkdir(parents=True)
    (tmp_path / "lib" / "dir" / "job.yml").write_text(
        "jobs:\n- job: j\n  steps:\n  - template: step.yml@lib\n"
    )
    (tmp_path / "lib" / "dir" / "step.yml").write_text("steps:\n- script: theirs\n")
    text = (
        "resources: {repositories: [{repository: lib, type: git, name: a/b}]}\n"
        "jobs:\n- template: /dir/job.yml@lib\n"
    )
    for _ in range(2):
        assert scripts(shop.compile(text)) == ["theirs"]
