"""The fairness gate on two classes, on several, and on a regression; its intervals hold what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import relative_risk

from isthmus.config import DeployConfig
from isthmus.deploy.gates import disparities, fairness
from isthmus.deploy.gates.gate import Finding, LiveEndpoint
from isthmus.errors import BadInput
from tests import own_models
from tests.deploy.test_gates import Predict, Runtime, live
from tests.deploy.versions import Version

HOUSES = {"size": "number", "rooms": "number", "district": "text", "heating": "text"}
PLANTS = {"length": "number", "width": "number", "soil": "text"}


def worth(frame: pd.DataFrame) -> np.ndarray:
    """What houses cost but for chance; those of unknown size as if they were of the usual one."""
    return np.asarray(3 * frame["size"].fillna(120) + 90 * (frame["district"] == "north"))


def kind(frame: pd.DataFrame) -> np.ndarray:
    rules = [frame["soil"] == "loam, wet", frame["length"] > 0.4, frame["soil"] == "sand"]
    return np.select(rules, ["wet one", "tall one", "dry one"], "wet one")


def gated(
    folder: Path,
    make: Callable[[Path], Path],
    features: dict[str, str],
    facet: str,
    predict: Predict,
    **gate: Any,
) -> list[Finding]:
    """The gate's findings of a version that predicts so; all rows of the data are held out."""
    built = make(folder / "model-build")
    config = own_models.HOUSES if features is HOUSES else own_models.PLANTS
    target = config["target"]
    rows = pd.read_csv(built / config["data"]["source"], dtype=str, keep_default_na=False)
    classes = sorted(rows[target].unique()) if config["problem"] == "multiclass" else []
    evaluation = {
        "metric": config["evaluation"]["metric"],
        "confidence": 0.95,
        "classes": classes,
        "features": list(features),
        "facets": [facet],
        "target": target,
    }
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    rows.assign(prediction="").to_csv(folder / "holdout.csv", index=False)
    asked = DeployConfig.model_validate({"model": config["name"], "gates": {"fairness": gate}})
    return fairness.gate(LiveEndpoint(Runtime(predict, features, target), config["name"], asked, folder))


def houses(folder: Path, predict: Predict, **gate: Any) -> list[Finding]:
    return gated(folder, own_models.houses, HOUSES, "district", predict, **gate)


def plants(folder: Path, predict: Predict, facet: str = "soil", **gate: Any) -> list[Finding]:
    return gated(folder, own_models.plants, PLANTS, facet, predict, **gate)


class TestTwoClasses:
    def test_a_group_that_is_favoured_is_named(self, tmp_path: Path) -> None:
        def never_when_dry(frame: pd.DataFrame) -> list[Any]:
            return [0.1 if season == "dry" else 0.9 for season in frame["season"]]

        version = Version(rows=300, facets=("season",))
        (found,) = fairness.gate(live(tmp_path, Runtime(never_when_dry), version))
        assert not found.passed and "season = dry: 0.0" in found.message
        assert fairness.gate(live(tmp_path, Runtime(), version))[0].passed

    def test_a_difference_of_shares_is_judged_where_it_is_bounded(self, tmp_path: Path) -> None:
        def rarely_when_dry(frame: pd.DataFrame) -> list[Any]:
            return [
                0.9 if season == "wet" or wind > 0 else 0.1
                for season, wind in zip(frame["season"], frame["wind"], strict=True)
            ]

        version = Version(rows=300, facets=("season",))
        said = {"disparate_impact": 0.1, "proportions": 0.2}
        impact, shares = fairness.gate(live(tmp_path, Runtime(rarely_when_dry), version, fairness=said))
        assert impact.passed and not shares.passed
        # Clarify's sign: the dry ones are told less often than all others.
        assert "between -0.2 and 0.2; outside: season = dry: 0.5" in shares.message

    def test_the_negative_class_is_judged_where_it_is_named(self, tmp_path: Path) -> None:
        version = Version(rows=300, facets=("season",))
        (found,) = fairness.gate(live(tmp_path, Runtime(), version, fairness={"classes": ["0"]}))
        assert found.passed and ", 0: " in found.message

    def test_without_facets_there_is_nothing_to_test(self, tmp_path: Path) -> None:
        (found,) = fairness.gate(live(tmp_path, Runtime()))
        assert found.passed and not found.known


class TestSeveralClasses:
    def test_each_class_is_judged_against_the_rest(self, tmp_path: Path) -> None:
        """No plant on clay is a dry one by this rule, and each on loam is a wet one."""
        (found,) = plants(tmp_path, lambda frame: list(kind(frame)))
        assert not found.passed
        assert "soil = clay, dry one: 0.0" in found.message and "soil = loam, wet, wet one: " in found.message
        assert "width" not in found.message

    def test_a_rule_that_knows_no_soil_is_fair(self, tmp_path: Path) -> None:
        (found,) = plants(
            tmp_path, lambda frame: ["tall one" if one > 0 else "dry one" for one in frame["length"]]
        )
        assert found.passed and found.known and "nearest: soil = " in found.message

    def test_only_named_classes_are_judged(self, tmp_path: Path) -> None:
        def only_dry_is_unfair(frame: pd.DataFrame) -> list[str]:
            other = np.where(frame["length"] > 0, "tall one", "wet one")
            dry = (frame["soil"] == "sand") & (frame["width"].fillna(0) > 0.8)
            return list(np.where(dry, "dry one", other))

        (found,) = plants(tmp_path / "a", only_dry_is_unfair, classes=["tall one"])
        assert found.passed
        (found,) = plants(tmp_path / "b", only_dry_is_unfair, classes=["tall one", "dry one"])
        assert not found.passed and "dry one: " in found.message and "tall one: " not in found.message

    def test_shares_are_bounded_for_each_class(self, tmp_path: Path) -> None:
        _, shares = plants(tmp_path, lambda frame: list(kind(frame)), proportions=0.3)
        assert not shares.passed and "soil = loam, wet, wet one: -0." in shares.message


class TestRegressions:
    def test_without_bounds_it_tells_what_it_would_judge(self, tmp_path: Path) -> None:
        prediction, error = houses(tmp_path, lambda frame: list(worth(frame)))
        assert not prediction.known and not error.known
        assert "no gates.fairness.mean_prediction; farthest: district = north: " in prediction.message

    def test_a_group_whose_predictions_are_off_is_named(self, tmp_path: Path) -> None:
        """Houses in the north are worth more: their predictions may differ, their errors may not."""

        def too_much_in_the_south(frame: pd.DataFrame) -> list[float]:
            return list(worth(frame) + 60.0 * (frame["district"] == "south"))

        said = {"mean_prediction": 200, "mean_error": 30}
        prediction, error = houses(tmp_path / "a", lambda frame: list(worth(frame)), **said)
        assert prediction.passed and error.passed and error.known
        prediction, error = houses(tmp_path / "b", too_much_in_the_south, **said)
        assert prediction.passed and not error.passed
        assert "between -30 and 30; outside: " in error.message
        assert "district = south: " in error.message and "district = north: " not in error.message
        prediction, _ = houses(tmp_path / "c", lambda frame: list(worth(frame)), mean_prediction=10)
        assert not prediction.passed and "district = north: " in prediction.message

    def test_chance_is_held_against_nobody(self, tmp_path: Path) -> None:
        """A difference beyond the bound fails only where its whole interval lies beyond."""
        said = {"mean_prediction": 1000, "mean_error": 15}
        _, error = houses(tmp_path, lambda frame: list(worth(frame)), **said)
        value, low = re.search(r"\(missing\): (\S+) \[\S+, (\S+)\]", error.message).groups()  # type: ignore[union-attr]
        assert error.passed and float(value) < -15 < float(low)

    def test_what_is_no_number_is_not_fair(self, tmp_path: Path) -> None:
        _, error = houses(tmp_path, lambda frame: [float("nan")] * len(frame), mean_error=1000)
        assert not error.passed


@pytest.mark.parametrize(
    ("ask", "said", "key", "todo"),
    [
        (houses, {"disparate_impact": 0.8}, "disparate_impact", "mean_prediction, mean_error"),
        (houses, {"classes": ["dear"]}, "classes", "mean_prediction, mean_error"),
        (plants, {"mean_error": 1}, "mean_error", "classes, disparate_impact, proportions"),
        (plants, {"classes": ["drey one"]}, "classes", "one of: dry one, tall one, wet one"),
    ],
)
def test_a_bound_on_what_the_problem_has_not_is_refused(
    tmp_path: Path, ask: Callable[..., list[Finding]], said: dict[str, Any], key: str, todo: str
) -> None:
    predict: Predict = (
        (lambda frame: list(worth(frame))) if ask is houses else (lambda frame: list(kind(frame)))
    )
    with pytest.raises(BadInput) as refused:
        ask(tmp_path, predict, **said)
    assert refused.value.where == f"deploy.yaml, gates.fairness.{key}" and todo in refused.value.todo


class TestIntervals:
    """Of two groups of the same chance, 95 of 100 intervals hold that they are alike."""

    GROUP = np.arange(280) < 80

    @pytest.mark.parametrize(
        ("measure", "fair", "draw", "times"),
        [
            (disparities.impact, 1.0, lambda random: random.random(280) < 0.3, 1000),
            (disparities.proportions, 0.0, lambda random: random.random(280) < 0.3, 1000),
            (disparities.means, 0.0, lambda random: random.normal(100, 20, 280), 200),
        ],
    )
    def test_they_hold_what_they_say(
        self, measure: Any, fair: float, draw: Callable[[np.random.Generator], np.ndarray], times: int
    ) -> None:
        random = np.random.default_rng(0)
        found = [measure(draw(random), self.GROUP, 0.95) for _ in range(times)]
        held = sum(one.ci_low <= fair <= one.ci_high for one in found)
        assert 0.925 < held / times < 0.98

    def test_a_ratio_of_shares_is_that_of_scipy_but_for_half_a_row(self) -> None:
        told = np.random.default_rng(0).random(28_000) < 0.3
        group = np.arange(28_000) < 8_000
        ours = disparities.impact(told, group, 0.95)
        theirs = relative_risk(int(told[group].sum()), 8_000, int(told[~group].sum()), 20_000)
        low, high = theirs.confidence_interval(0.95)
        assert [ours.value, ours.ci_low, ours.ci_high] == pytest.approx(
            [theirs.relative_risk, low, high], rel=1e-3
        )

    def test_a_difference_of_shares_is_newcombes(self) -> None:
        """56 of 70 and 48 of 80: his paper's table II, (a), method 10."""
        told = np.r_[np.arange(80) < 48, np.arange(70) < 56]
        found = disparities.proportions(told, np.arange(150) < 80, 0.95)
        assert found.value == pytest.approx(0.2)
        assert [found.ci_low, found.ci_high] == pytest.approx([0.0524, 0.3339], abs=5e-5)
