"""What the pipeline compiler reads: repositories at a commit, variable groups, and counters."""

from __future__ import annotations

from collections.abc import Mapping

from isthmus.errors import NotFound, did_you_mean
from isthmus.local.azure_devops import gitcli
from isthmus.local.azure_devops.faults import Fault
from isthmus.local.azure_devops.organization import Organization, enabled
from isthmus.local.azure_devops.repositories import default_branch
from isthmus.local.azure_devops.store import Document
from isthmus.local.pipelines.host import Located, Repository, VariableValue


class RepositorySources:
    """Sources of one run, each at the branch and commit that was `asked` for by alias.

    `self` always is; of another the file says the branch, and it is taken as it stands now.
    """

    def __init__(
        self,
        organization: Organization,
        pipeline: Document,
        asked: Mapping[str, tuple[str, str]],
        override: str = "",
    ) -> None:
        self._override = override
        self._organization = organization
        self._pipeline = pipeline
        self._asked = asked
        self.located: dict[str, Located] = {}

    def locate(self, repository: Repository) -> Located:
        if repository.alias not in self.located:
            self.located[repository.alias] = self._locate(repository)
        return self.located[repository.alias]

    def _locate(self, repository: Repository) -> Located:
        organization = self._organization
        if repository.alias == "self":
            found = organization.repository(self._pipeline["repository"])
            ref, commit = self._asked["self"]
        else:
            found = self._named(repository.name)
            wanted, version = self._asked.get(repository.alias, ("", ""))
            ref = wanted or repository.ref or default_branch(organization, found)
            commit = gitcli.resolve(organization.git(found), version or ref) or ""
            if not commit:
                raise NotFound(f"repository {repository.name} has no {version or ref or 'commit'}")
        project = organization.project(found["project"])
        url = organization.git_url(project, found)
        return Located(repository, found["id"], found["name"], ref, commit, url, project["name"])

    def _named(self, name: str) -> Document:
        """A repository by `name` or `project/name`; raises `NotFound` with the nearest name."""
        organization = self._organization
        project = organization.project(self._pipeline["project"])
        inside, _, short = name.rpartition("/")
        try:
            found = organization.repository(short, organization.project(inside) if inside else project)
            return enabled(found, name)
        except Fault:
            mine = [one["name"] for one in organization.repositories if one["project"] == project["id"]]
            raise NotFound(f"no repository {name!r}{did_you_mean(short, mine)}") from None

    def read(self, located: Located, path: str) -> str | None:
        """A file; the pipeline's own is what the caller gave in its place, if he did."""
        is_root = located.repository.alias == "self" and path.strip("/") == self._pipeline["path"].strip("/")
        if is_root and self._override:
            return self._override
        folder = self._organization.state / "git" / f"{located.id}.git"
        content = gitcli.read(folder, located.commit, path)
        return content.decode("utf-8-sig", errors="replace") if content is not None else None

    def variable_group(self, name: str) -> Mapping[str, VariableValue]:
        groups = [
            one
            for one in self._organization.table("variablegroup")
            if one["project"] == self._pipeline["project"]
        ]
        for group in groups:
            if group["name"].lower() == name.lower():
                return {
                    key: VariableValue(str(value.get("value") or ""), bool(value.get("isSecret")))
                    for key, value in group["variables"].items()
                }
        names = [one["name"] for one in groups]
        raise NotFound(f"no variable group {name!r}{did_you_mean(name, names)}")

    def counter(self, prefix: str, seed: int) -> int:
        table = self._organization.table("counter")
        key = f"{self._pipeline['id']}/{prefix}"
        with self._organization.store.lock:
            known = table.get(key)
            value = known["value"] + 1 if known else seed
            table.save(key, {"value": value})
            return int(value)
