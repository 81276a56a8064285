from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from isthmus.container.metrics import with_interval
from isthmus.monitor.findings import Quality
from isthmus.monitor.quality import assess
from tests.monitor.captured import evaluation

SEED = 3
RNG = np.random.default_rng(SEED)


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order() -> None:
    RNG.bit_generator.state = np.random.default_rng(SEED).bit_generator.state


def judged(labels: list[Any], told: list[Any], **other: Any) -> Quality | None:
    pairs = zip(map(str, labels), map(str, told), strict=False)
    return assess(pairs, evaluation(**other), 0.99)


def scores(rows: int, skill: float) -> tuple[list[int], list[float]]:
    truth = RNG.integers(0, 2, rows)
    return truth.tolist(), (1 / (1 + np.exp(-skill * (2 * truth - 1) - RNG.normal(size=rows)))).tolist()


def test_the_metric_is_that_of_the_labelled_rows() -> None:
    truth, told = scores(200, 1.0)
    found = judged(truth[:150], told)
    assert found is not None
    assert found.n == 150
    assert found.current.value == pytest.approx(roc_auc_score(truth[:150], told[:150]))
    assert found.current.ci_low < found.current.value < found.current.ci_high


def test_a_loss_beyond_chance_is_told_and_one_within_it_is_not() -> None:
    lost, kept = judged(*scores(300, 0.0)), judged(*scores(300, 1.0))
    assert lost is not None and kept is not None
    assert lost.loss > 1 > kept.loss


def test_few_rows_prove_nothing() -> None:
    """The same AUC, under the registered one, is a loss on a thousand rows and noise on thirty-six."""
    truth, told = [0, 1] * 18, [row % 5 / 5 + (row % 2) * 0.4 for row in range(36)]
    few, many = judged(truth, told), judged(truth * 30, told * 30)
    assert few is not None and many is not None
    assert few.current.value == pytest.approx(many.current.value) and few.current.value < 0.86
    assert few.loss < 1 < many.loss


@pytest.mark.parametrize("labels", [29, 0])
def test_too_few_labels_are_not_judged(labels: int) -> None:
    truth, told = scores(100, 1.0)
    assert judged(truth[:labels], told) is None


def test_labels_of_one_class_have_no_auc() -> None:
    assert judged([1] * 50, [0.4] * 50) is None


def test_auc_leaves_out_what_is_neither_class() -> None:
    truth, told = scores(100, 1.0)
    found = judged(["maybe", "7", *truth[2:]], told)
    assert found is not None and found.n == 98
    assert found.current.value == pytest.approx(roc_auc_score(truth[2:], told[2:]))


@pytest.mark.parametrize(
    ("metric", "value"), [("accuracy", 0.5), ("f1_macro", 2 / 3), ("log_loss", -np.log(0.9 * 1e-6) / 2)]
)
def test_a_label_of_a_class_that_training_never_saw_is_a_wrong_answer(metric: str, value: float) -> None:
    """Beside a hundred right answers: of F1 the recall of both classes is 1 and the precision a half."""
    told = [0.1, 0.9] * 100
    found = judged([*([0, 1] * 50), *(["maybe"] * 100)], told, metric=metric)
    assert found is not None and found.n == 200
    assert found.current.value == pytest.approx(value)


def test_f1_of_several_classes_is_the_mean_of_those_of_training() -> None:
    labels = ["a", "b", "c"] * 20
    found = judged([*labels, *(["d"] * 60)], labels * 2, metric="f1_macro", classes=["a", "b", "c"])
    assert found is not None and found.current.value == pytest.approx(2 / 3)


def test_a_label_names_its_class_however_it_is_written() -> None:
    truth, told = scores(100, 1.0)
    assert judged([f"{one}.0" for one in truth], told) == judged(truth, told)


def test_classes_and_values_are_judged_too() -> None:
    colours = ["red", "green", "light blue"] * 20
    found = judged(
        colours, colours[:30] + ["red"] * 30, metric="accuracy", classes=["green", "light blue", "red"]
    )
    assert found is not None and found.current.value == pytest.approx(40 / 60)
    prices = [float(row) for row in range(60)]
    found = judged(prices, [one + 2 for one in prices], metric="mae", classes=[], higher_is_better=False)
    assert found is not None and found.current.value == pytest.approx(2.0)


def test_where_less_is_better_more_is_a_loss() -> None:
    errors = {"metric": "rmse", "classes": [], "higher_is_better": False}
    wanted = errors | {"value": 1.0, "ci_low": 0.9, "ci_high": 1.1}
    truth = RNG.normal(size=200)
    worse = judged(list(truth), list(truth + RNG.normal(0, 2, 200)), **wanted)
    better = judged(list(truth), list(truth + RNG.normal(0, 0.5, 200)), **wanted)
    assert worse is not None and better is not None
    assert worse.loss > 1 and better.loss < -1


def test_a_loss_is_finite_even_where_nothing_is_left_to_chance() -> None:
    certain = {"value": 1.0, "ci_low": 1.0, "ci_high": 1.0, "metric": "accuracy"}
    found = judged([0, 1] * 20, [0.9, 0.1] * 20, **certain)
    assert found is not None
    assert 1 < found.loss < np.inf


@pytest.mark.parametrize("rows", [30, 120])
@pytest.mark.parametrize("metric", ["auc", "accuracy", "f1_macro"])
def test_false_alarms_are_rare(metric: str, rows: int) -> None:
    """At 99 % two estimates of the same quality are told apart in 0.5 % of the cases: of 120 hardly four."""
    told = judgements = 0
    for _ in range(120):
        truth, said = scores(400, 0.8)
        once = with_interval(metric, np.array(truth), np.array(said), 0.95)
        wanted = {"value": once.value, "ci_low": once.ci_low, "ci_high": once.ci_high, "metric": metric}
        found = judged(*scores(rows, 0.8), **wanted)
        judgements += found is not None
        told += found is not None and found.loss > 1
    assert told <= 4 and judgements > 90


def test_f1_of_few_labels_of_a_class_is_not_judged() -> None:
    assert judged([1] * 9 + [0] * 50, [0.4] * 59, metric="f1_macro") is None
    assert judged([0] * 60, [0.4] * 60, metric="f1_macro") is None
    assert judged([1] * 10 + [0] * 50, [0.4] * 60, metric="f1_macro") is not None
