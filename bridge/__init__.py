"""The bridge: AWS events in, Azure DevOps runs out. Packaged alone; imports nothing of Isthmus."""
