"""Why a version was built, and who approved it where nobody did: the words of runs, versions and approvals.

Alone in a file, since a command line names them and waits for no configuration to be read.
"""

REASONS = {"quality": "retrain", "drift": "drift", "data": "data", "schedule": "schedule"}
"""What a retraining is because of, and what its run and its version call that."""
BY_RULE = "automatic"
"""Whom the bridge writes down as the approver where a rule is."""
