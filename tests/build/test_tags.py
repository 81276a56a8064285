"""Jobs of a pipeline carry the model's tags, which is what its roles may do is asked of."""

from __future__ import annotations

import json

from isthmus.build.tags import tag

JOB = {"Name": "Train", "Type": "Training", "Arguments": {"Tags": [{"Key": "model", "Value": "another"}]}}
CHOICE = {"Name": "If", "Type": "Condition", "Arguments": {"IfSteps": [JOB], "ElseSteps": []}}
OTHERS = [
    {"Name": "Prepare", "Type": "Processing", "Arguments": {}},
    {"Name": "Stop", "Type": "Fail", "Arguments": {}},
]


def test_every_job_is_the_models_whatever_its_step_says() -> None:
    definition = json.dumps({"Version": "2020-12-01", "Steps": [*OTHERS, CHOICE]})
    prepare, stop, choice = json.loads(tag(definition, {"model": "rain", "owner": "ann"}))["Steps"]
    wanted = [{"Key": "model", "Value": "rain"}, {"Key": "owner", "Value": "ann"}]
    assert prepare["Arguments"]["Tags"] == wanted
    assert choice["Arguments"]["IfSteps"][0]["Arguments"]["Tags"] == wanted
    assert "Tags" not in stop["Arguments"]
