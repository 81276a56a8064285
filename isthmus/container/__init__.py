"""What the container image holds: the programs `process`, `train` and `serve` that SageMaker starts."""
