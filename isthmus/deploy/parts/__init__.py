"""What an endpoint's stack is made of: a file for each resource, made from a `Deployment`."""
