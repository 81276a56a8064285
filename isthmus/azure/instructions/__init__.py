"""The small changes that bring Azure DevOps to what is wanted; each can be printed, and carried out once."""
