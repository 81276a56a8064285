"""Watching a deployed model: baselines, drift, and quality once labels arrive."""
