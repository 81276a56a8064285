"""Destroying what stands in an account: a plan that can be read, and steps that can be done twice."""
