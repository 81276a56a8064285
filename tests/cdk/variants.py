"""What a platform can be asked for: `full.yaml` with some keys otherwise, so that each option stands once.

The static rules run on all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).parents[2]
FULL = Path(__file__).with_name("full.yaml")
AUDIENCE = "6d7f5c1e-2b0a-4f0e-8a55-0c9e3b7a4f33"
EXISTING = {
    account: {"vpc_id": f"vpc-{n:017x}", "subnet_ids": [f"subnet-{n}{zone:016x}" for zone in range(2)]}
    for n, account in enumerate(("dev", "automation", "staging", "prod"))
}
# The first two make every excuse that there is.
VARIANTS: dict[str, dict[str, Any]] = {
    "everything": {},
    "private-api-without-firewall": {
        "api": {"audience": AUDIENCE, "private": True},
        "network": {"mode": "existing", "vpcs": EXISTING},
        "studio": {"mlflow": "tracking_server", "sign_in": "identity_center", "glue": True},
    },
    "http-api": {
        "logs": {
            "central": True,
            "sink": "arn:aws:oam:eu-west-1:222233334444:sink/0c9a3f6e-1f0b-4b1e-8b9b-3f1f0a1f7d10",
        },
        "api": {"audience": AUDIENCE},
        "organization": None,
        "network": {},
        "studio": None,
    },
    "public-api-with-firewall": {"api": {"audience": AUDIENCE, "waf": True}, "studio": {"mlflow": "none"}},
    "three-zones-and-no-notice": {
        "network": {"mode": "managed", "zones": 3},
        "studio": {"emr_serverless": True},
        "feature_groups": [],
        "notifications": {},
        "organization": {"parent": "r-ab12"},
    },
}


def write_variants(folder: Path) -> list[Path]:
    """Each variant's platform.yaml in a folder, and after them the checkout's own."""
    everything = yaml.safe_load(FULL.read_text())
    written = []
    for name, wanted in VARIANTS.items():
        content = {key: value for key, value in (everything | wanted).items() if value is not None}
        file = folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        written.append(file)
    own = folder / "default.yaml"
    own.write_bytes((CHECKOUT / "platform.yaml").read_bytes())
    return [*written, own]
