"""Azure DevOps and Entra on this machine: the part of their REST APIs, version 7.1, that Isthmus uses.

`python -m isthmus.local.azure_devops --port N --state DIR --config FILE` serves them. Each area of the API
has a file, and each such file the same shape: the resources with their routes, the handlers, and what the
handlers need. What runs a pipeline is in `isthmus.local.pipelines`.
"""
