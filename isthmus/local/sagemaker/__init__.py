"""SageMaker on this machine: registry, pipelines, jobs and endpoints that behave as the cloud's.

`service.py` is the door that the local AWS opens; the steps of a pipeline are run by `isthmus.executor`.
"""
