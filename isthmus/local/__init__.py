"""The laptop: stand-ins for both clouds, and the demo. The only place that knows it is local."""
