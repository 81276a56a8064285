"""Synthesizing, checking and deploying CDK assemblies, without the CDK command line."""
