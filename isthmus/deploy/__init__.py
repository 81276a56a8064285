"""Deploying exactly one model version: synthesize, deploy, test."""
