"""The Lambda behind the endpoints' API: a caller's rows in, predictions out. Imports nothing of ours."""
