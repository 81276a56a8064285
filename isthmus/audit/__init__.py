"""What must hold of all that runs in prod, and what says where it does not."""
