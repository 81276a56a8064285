"""Azure DevOps, as Isthmus uses it: what a platform needs there, its runs, and the way into AWS."""
