"""What two variants answered, in figures: requests once, copies beside originals, labels as they come."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from isthmus.compare import scores
from isthmus.compare.answers import Heard, pairs
from isthmus.compare.findings import Evidence, Findings, Seen, agreement, differences
from isthmus.compare.measured import Measured
from isthmus.compare.report import page
from isthmus.compare.verdict import Difference
from isthmus.config.compare import Compare, Measure, Mode
from isthmus.errors import BadInput
from isthmus.monitor.capture import Answer, Bad, answers
from isthmus.monitor.labels import Labels
from isthmus.names import GATE_PREFIX

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def answer(key: str, *told: object, named: bool = True, request: bytes = b"") -> Answer:
    return Answer(key, named, request, [str(one) for one in told])


def measured(asked: int, failed: int, milliseconds: list[float]) -> Measured:
    return Measured(
        asked, failed, {BEGIN + timedelta(minutes=at): one for at, one in enumerate(milliseconds)}
    )


def asked(metric: Measure, smallest: float, mode: Mode = "ab", **more: str) -> Compare:
    return Compare(mode=mode, percent=50, metric=metric, smallest_difference=smallest, **more)  # type: ignore[arg-type]


def evidence(compare: Compare, champion: list[Answer], challenger: list[Answer], **more: object) -> Evidence:
    given = {
        "measured": (measured(2000, 10, [20.0] * 90), measured(2000, 300, [30.0] * 80)),
        "labels": Labels(),
        "metric": "auc",
        "classes": [0, 1],
    } | more
    return Evidence(compare, heard=(Heard(champion), Heard(challenger)), **given)  # type: ignore[arg-type]


def named(found: list[Difference], name: str) -> Difference:
    return next(one for one in found if one.name == name)


def test_failures_and_latency_are_what_was_measured() -> None:
    found, _ = differences(evidence(asked("errors", 1.0), [], []))
    errors, latency = named(found, "errors"), named(found, "latency")
    assert (errors.champion, errors.challenger, errors.seen) == (0.5, 15.0, 4000)
    assert errors.words == "enough was seen: the new version is worse"
    # Eighty minutes in which both were asked.
    assert (latency.seen, latency.outcome) == (80, "worse")
    assert named(found, "predictions").words == "not enough yet: 0 requests"


def test_what_is_close_takes_longer_and_says_how_long() -> None:
    close = (measured(500, 10, []), measured(500, 11, []))
    found, _ = differences(evidence(asked("errors", 1.0), [], [], measured=close))
    errors = named(found, "errors")
    assert errors.outcome == "open"
    assert errors.more is not None and errors.words == f"not enough yet: about {errors.more} more requests"
    many = errors.more * 2
    plenty = (measured(many, many // 50, []), measured(many, many // 50, []))
    found, _ = differences(evidence(asked("errors", 1.0), [], [], measured=plenty))
    assert named(found, "errors").words == "enough was seen: no difference that matters"


def test_a_copy_is_paired_by_the_callers_id_and_else_by_what_was_asked() -> None:
    originals = [
        answer("a", 1),
        answer("x", 2, named=False, request=b"q"),
        answer("y", 3, named=False, request=b"q"),
    ]
    copies = [
        answer("s", 5, named=False, request=b"q"),
        answer("a", 4),
        answer("t", 6, named=False, request=b"q"),
        answer("of another", 9),
    ]
    assert [(one.predictions, other.predictions) for one, other in pairs(originals, copies)] == [
        (["1"], ["4"]),
        (["2"], ["5"]),
        (["3"], ["6"]),
    ]


def test_pairs_say_sooner_what_two_arms_say_late() -> None:
    """Answers that lie far apart from each other, and each copy a little above its original."""
    random = np.random.default_rng(1)
    truths = random.normal(0, 10, 200)
    originals = [answer(f"id-{n}", one) for n, one in enumerate(truths)]
    copies = [answer(f"id-{n}", one + random.normal(2, 1)) for n, one in enumerate(truths)]
    outcomes = []
    for mode in ("ab", "shadow"):
        found, _ = differences(
            evidence(asked("predictions", 0.1, mode), originals, copies, metric="mae", classes=[])
        )
        outcomes.append(named(found, "predictions").outcome)
    assert outcomes == ["open", "higher"]


def test_quality_is_of_rows_whose_label_has_come() -> None:
    random = np.random.default_rng(2)
    labels, good, bad = Labels(), [], []
    for n in range(600):
        truth = n % 2
        labels.by_id[f"g-{n}"] = labels.by_id[f"b-{n}"] = str(truth)
        good.append(answer(f"g-{n}", 0.5 + (truth - 0.5) * 0.8))
        bad.append(answer(f"b-{n}", random.random()))
    good.append(answer("never labelled", 0.5))
    found, _ = differences(evidence(asked("quality", 0.05), bad, good, labels=labels))
    quality = named(found, "quality")
    assert (quality.unit, quality.challenger, quality.outcome, quality.seen) == ("auc", 1.0, "better", 600)
    assert quality.of == "pairs of a positive and a negative row"


@pytest.mark.parametrize("metric", ["auc", "log_loss", "accuracy"])
def test_the_mean_of_the_scores_is_the_metric(metric: str) -> None:
    random = np.random.default_rng(3)
    truth = random.integers(0, 2, 4000)
    told = np.clip(truth * 0.3 + random.random(4000) * 0.7, 0.01, 0.99)
    labels = Labels({f"{n}": str(one) for n, one in enumerate(truth)})
    found = scores.alone((answer(f"{n}", one) for n, one in enumerate(told)), labels, metric, [0, 1])
    expected = {
        "auc": roc_auc_score(truth, told),
        "log_loss": log_loss(truth, told),
        "accuracy": float(((told >= 0.5) == truth).mean()),
    }[metric]
    # Of pairs of rows AUC is an estimate: three standard errors of 2,000 pairs.
    assert found.mean() == pytest.approx(expected, abs=0.03 if metric == "auc" else 1e-9)


def test_classes_need_a_name_and_are_compared_by_their_share() -> None:
    champion = [answer(f"a-{n}", "wet" if n % 4 else "dry") for n in range(400)]
    challenger = [answer(f"b-{n}", "dry") for n in range(400)]
    given = {"metric": "accuracy", "classes": ["dry", "fog", "wet"]}
    with pytest.raises(BadInput, match="answers by classes, such as 'dry'"):
        differences(evidence(asked("predictions", 0.1), champion, challenger, **given))
    found, _ = differences(evidence(asked("errors", 0.1), champion, challenger, **given))
    assert "not measured: the model answers by classes" in named(found, "predictions").words
    found, _ = differences(evidence(asked("predictions", 0.1, answer="dry"), champion, challenger, **given))
    share = named(found, "predictions")
    assert (share.champion, share.challenger, share.outcome) == (0.25, 1.0, "higher")


def test_how_far_copies_agree() -> None:
    both = [(answer(f"{n}", n / 10), answer(f"{n}", n / 10 + (0.2 if n == 4 else 0))) for n in range(10)]
    found = agreement(both, [0, 1])
    assert (found.pairs, found.same) == (10, 9)
    assert found.gaps is not None and found.gaps[0] == 0 and found.gaps[2] == pytest.approx(0.2)
    assert [one[0] for one in found.furthest] == ["4"]
    classes = agreement([(answer("a", "wet"), answer("a", "dry"))], ["dry", "fog", "wet"])
    assert (classes.same, classes.gaps, classes.furthest) == (0, None, [("a", "wet", "dry")])


def test_the_page_names_what_decides_and_escapes_what_callers_sent() -> None:
    compare = asked("predictions", 0.1, "shadow")
    both = [answer(f"<b>{n}", 1.0) for n in range(80)], [answer(f"<b>{n}", 2.0) for n in range(80)]
    found, agreed = differences(evidence(compare, *both, classes=[]))
    seen = Seen("3", 80, 80, 0), Seen("4", 80, 80, 2)
    both_ways = Findings("rain", "prod", BEGIN.isoformat(), compare, *seen, found, agreed)
    told = json.loads(json.dumps(both_ways.as_dict(), allow_nan=False))
    assert (told["outcome"], told["asked"]["metric"]) == ("higher", "predictions")
    shown = page(both_ways)
    assert "enough was seen: the new version answers higher" in shown
    assert "<b>predictions</b>" in shown and "&lt;b&gt;0" in shown and "<b>0" not in shown
    assert shown.count("<svg") >= 2 and "unreadable lines" in shown


def test_what_is_no_number_or_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    champion = [answer(f"a-{n}", "nan" if n % 2 else 1.0) for n in range(200)]
    challenger = [answer(f"a-{n}", 1.0) for n in range(200)]
    for mode, seen in (("ab", 300), ("shadow", 100)):
        found, _ = differences(evidence(asked("predictions", 0.1, mode), champion, challenger, classes=[]))
        predictions = named(found, "predictions")
        assert (predictions.champion, predictions.seen) == (1.0, seen)
    whole: dict[str, Any] = {
        "captureData": {
            "endpointInput": {"data": "a\n1\n", "encoding": "CSV"},
            "endpointOutput": {"data": "0.5\n", "encoding": "CSV"},
        },
        "eventMetadata": {"eventId": "e", "inferenceId": "i"},
    }
    empty = json.loads(json.dumps(whole))
    empty["captureData"]["endpointOutput"]["data"] = "\n"
    half = json.loads(json.dumps(whole))
    half["eventMetadata"]["inferenceId"] = "\ud800"
    gate = json.loads(json.dumps(whole))
    gate["eventMetadata"]["inferenceId"] = f"{GATE_PREFIX}1"
    written = [json.dumps(one) for one in (whole, empty, half, gate)] + ["{", "[" * 100_000]
    (tmp_path / "a.jsonl").write_text("\n".join(written) + "\n")
    read = list(answers(tmp_path))
    assert [one.predictions for one in read if isinstance(one, Answer)] == [["0.5"]]
    reasons = [one.reason for one in read if isinstance(one, Bad)]
    assert reasons[:2] == ["nothing was answered", "not text: half of a surrogate pair"]
    assert len(reasons) == 4
