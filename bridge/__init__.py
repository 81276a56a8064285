"""The bridge: AWS events in, Azure DevOps runs out. Packaged with what `carries.txt` names, and no more."""
