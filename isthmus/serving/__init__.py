"""What serves a model: what it is, how it was changed past the pipeline, and whether it is as asked for."""

from isthmus.serving.changes import Change, put_back
from isthmus.serving.expected import expect
from isthmus.serving.present import MOVING, Serving, batch_model, every, look, size, variants_of

__all__ = [
    "MOVING",
    "Change",
    "Serving",
    "batch_model",
    "every",
    "expect",
    "look",
    "put_back",
    "size",
    "variants_of",
]
