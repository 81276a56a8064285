"""Which of two versions is the better one: what was seen of both, and whether that is enough to say."""
