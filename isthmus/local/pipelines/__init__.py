"""Azure Pipelines YAML, compiled and run: the template compiler, the expressions and the agent.

`compiler.compile_pipeline` turns YAML into a `plan.Plan`; `execution.execute` carries a plan out against
a `host.Host`. The host is the Azure DevOps stand-in, or a terminal for `isthmus run`.
"""
