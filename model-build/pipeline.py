"""The order of the steps: prepare, train, evaluate, and register only what is good enough.

`isthmus build definition` runs this file; it prints the definition as JSON.
"""

from __future__ import annotations

from isthmus.build.authoring import (
    CHAMPION,
    DATA,
    artifact_of,
    fail,
    only_if,
    output_of,
    pipeline,
    processing,
    register,
    training,
)
from isthmus.config import read_model
from sagemaker.mlops.workflow.pipeline import Pipeline


def define() -> Pipeline:
    config = read_model("model.yaml")
    prepare = processing(
        "Prepare",
        "steps/prepare.py",
        config,
        inputs={"data": DATA, "champion": CHAMPION},
        outputs=["prepared", "baseline"],
    )
    prepared = output_of(prepare, "prepared")
    train = training("Train", config, channels={"prepared": prepared})
    evaluate = processing(
        "Evaluate",
        "steps/evaluate.py",
        config,
        inputs={"prepared": prepared, "model": artifact_of(train), "champion": CHAMPION},
        outputs=["evaluation"],
        property_file=("evaluation", "evaluation.json"),
    )
    version = register("Register", config, prepare=prepare, train=train, evaluate=evaluate)
    below_bar = [fail("NotRegistered", evaluate)] if config.evaluation.below_bar == "fail" else []
    good_enough = only_if("GoodEnough", evaluate, then=[version], otherwise=below_bar)
    return pipeline(config, [prepare, train, evaluate, good_enough])


if __name__ == "__main__":
    print(define().definition())
