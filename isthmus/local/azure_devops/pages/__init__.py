"""Read-only pages for a browser, at the addresses where Azure DevOps has its own."""
