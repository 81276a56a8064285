"""Tests of a deployed endpoint. A gate is a function `gate(endpoint) -> list[Finding]` in a file of its own.

The deploy repository's `gates/` names those that its model must pass, and may add its own.
"""
