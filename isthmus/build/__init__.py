"""Building a model: define a SageMaker pipeline, check it, run it, follow it."""
