"""Isthmus: MLOps between Azure DevOps and AWS."""
