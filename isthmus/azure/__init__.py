"""Azure DevOps, as Isthmus uses it: what a platform needs there, its runs and approvals, and the way into AWS."""
