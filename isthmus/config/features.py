"""feature_groups in platform.yaml: groups of SageMaker Feature Store."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from isthmus.config.fields import Misfit, Strict, Tag
from isthmus.errors import did_you_mean


class FeatureGroup(Strict):
    """One group of SageMaker Feature Store, offline always, online if said so."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
    owner: Tag
    record_id: str
    event_time: str
    features: dict[str, Literal["Integral", "Fractional", "String"]] = Field(min_length=1)
    online: bool = False

    @model_validator(mode="after")
    def _keys_are_features(self) -> FeatureGroup:
        for key in ("record_id", "event_time"):
            if getattr(self, key) not in self.features:
                near = did_you_mean(getattr(self, key), self.features)
                raise Misfit(f"{key} {getattr(self, key)!r} is not among the features{near}", key)
        return self
