"""Buckets, and where in them what lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isthmus.config import Platform


def _bucket(platform: Platform, noun: str, account: str) -> str:
    return f"{platform.name}-{noun}-{account}-{platform.region}"


STARTED_FROM, RUNS = ("champion", "code", "manifests"), "runs"
"""A model's folders in the artifact bucket: what a run starts from, which a build writes; what it makes."""


def artifact_bucket(platform: Platform) -> str:
    """Code prefixes, pipeline outputs and model artifacts."""
    return _bucket(platform, "artifacts", platform.accounts.automation)


def data_bucket(platform: Platform) -> str:
    """Training data, by content hash."""
    return _bucket(platform, "data", platform.accounts.automation)


def checked(model: str) -> str:
    """In the data bucket: the rows of each file that landed, as CSV; no data set yet."""
    return f"{model}/checked/"


def landed(model: str) -> str:
    """In the data bucket: what is trained on beside the source, CSV files and complete data sets."""
    return f"{model}/landed/"


def schema(model: str) -> str:
    """In the data bucket: what a file must hold that lands for the model."""
    return f"{model}/schema.json"


def landing_bucket(platform: Platform) -> str:
    """Automation: where files arrive, and where those stay that are not fit."""
    return _bucket(platform, "landing", platform.accounts.automation)


INCOMING, REJECTED = "incoming/", "rejected/"
"""In the landing bucket: the two places, in each a folder for each model."""


def log_search_bucket(platform: Platform) -> str:
    """Automation: lines of logs on their way to the collection."""
    return _bucket(platform, "log-search", platform.accounts.automation)


def feature_bucket(platform: Platform) -> str:
    """Feature Store's offline stores, each under its group's name."""
    return _bucket(platform, "features", platform.accounts.automation)


def log_bucket(platform: Platform, account: str) -> str:
    """Who read and wrote the account's other buckets."""
    return _bucket(platform, "logs", account)


def experiment_bucket(platform: Platform) -> str:
    """Dev: scientists' own files."""
    return _bucket(platform, "experiments", platform.accounts.dev)


def capture_bucket(platform: Platform, account: str) -> str:
    """Serving: captured requests and answers, and monitoring reports."""
    return _bucket(platform, "capture", account)


def captures(model: str) -> str:
    """In the capture bucket: what a model was asked, in a folder for each endpoint configuration."""
    return f"captures/{model}/"


def reports(model: str) -> str:
    """In the capture bucket: what monitors found, in a folder for each version."""
    return f"reports/{model}/"


def requests(model: str) -> str:
    """In the capture bucket: files that a model is to answer, by a queue or a batch transform."""
    return f"requests/{model}/"


def incoming(model: str) -> str:
    """Among the requests: files that a batch transform answers as they arrive, or by the clock."""
    return f"{requests(model)}incoming/"


def asked(model: str) -> str:
    """Among the requests: those that somebody has asked for and waits for."""
    return f"{requests(model)}asked/"


def results(model: str) -> str:
    """In the capture bucket: what became of them."""
    return f"results/{model}/"


def ground_truth_bucket(platform: Platform, account: str) -> str:
    """Serving: labels that arrive later, by inference id."""
    return _bucket(platform, "ground-truth", account)
