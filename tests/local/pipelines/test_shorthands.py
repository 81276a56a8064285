"""What a template sees of steps and jobs that are passed to it as typed parameters."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.errors import BadInput

KEEPER = """\
parameters: [{name: given, type: stepList}]
steps:
- ${{ each step in parameters.given }}:
  - ${{ if not(or(startsWith(step.task, 'CmdLine'), startsWith(step.task, 'Bash'))) }}:
    - ${{ step }}
"""


def test_a_template_that_keeps_scripts_out_keeps_their_shorthands_out(shop: Any) -> None:
    shop.write(KEEPER, "keeper.yml")
    plan = shop.compile(
        "steps:\n- template: keeper.yml\n  parameters:\n    given:\n"
        "    - script: a\n    - bash: b\n    - task: PythonScript@0\n      inputs: {script: c}\n"
    )
    assert [step.task for step in plan.stages[0].jobs[0].steps] == ["PythonScript@0"]


def test_a_shorthand_that_was_passed_on_is_the_same_step(shop: Any) -> None:
    shop.write("parameters: [{name: given, type: step}]\nsteps:\n- ${{ parameters.given }}\n", "t.yml")
    given = "{pwsh: x, workingDirectory: w, displayName: d, env: {A: b}}"
    passed = shop.compile(f"steps:\n- template: t.yml\n  parameters: {{given: {given}}}\n")
    straight = shop.compile(f"steps:\n- {given}\n")
    [one], [other] = passed.stages[0].jobs[0].steps, straight.stages[0].jobs[0].steps
    assert (one.task, one.inputs, one.env) == (other.task, other.inputs, other.env)
    assert one.display_name == "d"


def test_an_environment_is_a_mapping_with_a_name(shop: Any) -> None:
    plan = shop.compile(
        "parameters:\n- name: job\n  type: deployment\n"
        "  default:\n    deployment: d\n    environment: prod.web\n"
        "    strategy: {runOnce: {deploy: {steps: [script: x]}}}\n"
        "jobs:\n- ${{ if eq(parameters.job.environment.name, 'prod') }}:\n  - ${{ parameters.job }}\n"
    )
    [job] = plan.stages[0].jobs
    assert (job.environment, job.resource) == ("prod", "web")


def test_a_broken_condition_is_found_where_it_is_passed(shop: Any) -> None:
    shop.write("parameters: [{name: job, type: job}]\nvariables: {a: b}\n", "t.yml")
    text = (
        "variables:\n- template: t.yml\n  parameters:\n    job:\n      job: j\n      steps:\n"
        "      - script: x\n        condition: eror\nsteps: []\n"
    )
    with pytest.raises(BadInput, match="unknown name 'eror'") as caught:
        shop.compile(text)
    assert caught.value.where == "pipeline.yml:8:20"
