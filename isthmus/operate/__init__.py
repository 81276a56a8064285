"""Operating a platform: what runs where, what waits for whom, and where it came from."""
