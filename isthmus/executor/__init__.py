"""Runs a SageMaker pipeline definition's steps as processes that see `/opt/ml` as in the cloud.

Knows no server and no cloud: what keeps executions, registers versions and serves is the caller's.
"""
