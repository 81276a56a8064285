"""Closing SageMaker Studio: a domain goes after all in it, and leaves a file system and security groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from isthmus.infra.administrator import Client
from isthmus.infra.change import poll
from isthmus.infra.destroy.owned import is_tagged, platform_of
from isthmus.infra.destroy.step import Step, gone_is_good

# On a file system that Studio made: the domain that it is of.
OF_DOMAIN = "ManagedByAmazonSageMakerResource"
GROUPS = ("security-group-for-inbound-nfs-{}", "security-group-for-outbound-nfs-{}")


@dataclass(frozen=True)
class DeleteApp:
    domain: str
    owner: tuple[tuple[str, str], ...]
    type: str
    name: str

    @property
    def summary(self) -> str:
        return f"- Studio app {self.type} {self.name} of {self.owner[0][1]}"

    def carry_out(self, client: Client) -> None:
        sagemaker = client("sagemaker")
        this = {"DomainId": self.domain, "AppType": self.type, "AppName": self.name} | dict(self.owner)
        with gone_is_good():
            sagemaker.delete_app(**this)
            poll(lambda: sagemaker.describe_app(**this), lambda app: app["Status"] in ("Deleted", "Failed"))


@dataclass(frozen=True)
class DeleteSpace:
    domain: str
    name: str

    @property
    def summary(self) -> str:
        return f"- Studio space {self.name}, with its volume"

    def carry_out(self, client: Client) -> None:
        sagemaker, this = client("sagemaker"), {"DomainId": self.domain, "SpaceName": self.name}
        with gone_is_good():
            sagemaker.delete_space(**this)
            poll(lambda: sagemaker.describe_space(**this), _never)


@dataclass(frozen=True)
class DeleteProfile:
    domain: str
    name: str

    @property
    def summary(self) -> str:
        return f"- Studio user profile {self.name}"

    def carry_out(self, client: Client) -> None:
        sagemaker, this = client("sagemaker"), {"DomainId": self.domain, "UserProfileName": self.name}
        with gone_is_good():
            sagemaker.delete_user_profile(**this)
            poll(lambda: sagemaker.describe_user_profile(**this), _never)


@dataclass(frozen=True)
class DeleteDomain:
    """With its file system; then the security groups that Studio made for that, which no stack knows."""

    id: str

    @property
    def summary(self) -> str:
        return f"- Studio domain {self.id}, with everybody's home folder"

    def carry_out(self, client: Client) -> None:
        sagemaker = client("sagemaker")
        with gone_is_good():
            sagemaker.delete_domain(DomainId=self.id, RetentionPolicy={"HomeEfsFileSystem": "Delete"})
            poll(lambda: sagemaker.describe_domain(DomainId=self.id), _never)
        _delete_groups(client("ec2"), self.id)


@dataclass(frozen=True)
class DeleteFileSystem:
    """Of a domain of the platform's that was deleted by hand."""

    id: str

    @property
    def summary(self) -> str:
        return f"- file system {self.id}, which Studio left"

    def carry_out(self, client: Client) -> None:
        efs = client("efs")
        with gone_is_good():
            for target in efs.describe_mount_targets(FileSystemId=self.id)["MountTargets"]:
                efs.delete_mount_target(MountTargetId=target["MountTargetId"])
            poll(
                lambda: efs.describe_mount_targets(FileSystemId=self.id)["MountTargets"],
                lambda left: not left,
            )
            efs.delete_file_system(FileSystemId=self.id)


def leave(client: Client, platform: str) -> Iterator[Step]:
    """What ends people's work: apps, and then the spaces that they run in."""
    sagemaker = client("sagemaker")
    for domain in _domains(sagemaker, platform):
        yield from _apps(sagemaker, domain)
        for one in _all(sagemaker, "list_spaces", "Spaces", domain):
            yield DeleteSpace(domain, one["SpaceName"])


def close(client: Client, platform: str) -> Iterator[Step]:
    """What closes the platform's domains when all have left, and what earlier ones left."""
    sagemaker = client("sagemaker")
    for domain in _domains(sagemaker, platform):
        for one in _all(sagemaker, "list_user_profiles", "UserProfiles", domain):
            yield DeleteProfile(domain, one["UserProfileName"])
        yield DeleteDomain(domain)
    for one in _orphans(client):
        if is_tagged(one["Tags"], platform):
            yield DeleteFileSystem(one["FileSystemId"])


def unclaimed(client: Client) -> Iterator[str]:
    """File systems of domains that are gone, where nothing says whose they were, and what deletes them."""
    for one in _orphans(client):
        if not platform_of(one["Tags"]):
            id_ = one["FileSystemId"]
            yield (
                f"left: file system {id_} of a Studio domain that is no more, since no tag says "
                f"whose it was; if yours: aws efs delete-file-system --file-system-id {id_}"
            )


def _domains(sagemaker: Any, platform: str) -> list[str]:
    return [
        domain["DomainId"]
        for domain in _everybodys(sagemaker)
        if is_tagged(sagemaker.list_tags(ResourceArn=domain["DomainArn"])["Tags"], platform)
    ]


def _everybodys(sagemaker: Any) -> list[dict[str, Any]]:
    pages = sagemaker.get_paginator("list_domains").paginate()
    return [domain for page in pages for domain in page["Domains"]]


def _apps(sagemaker: Any, domain: str) -> Iterator[DeleteApp]:
    for app in _all(sagemaker, "list_apps", "Apps", domain):
        if app["Status"] not in ("Deleted", "Deleting"):
            whose = next(key for key in ("SpaceName", "UserProfileName") if app.get(key))
            yield DeleteApp(domain, ((whose, app[whose]),), app["AppType"], app["AppName"])


def _all(sagemaker: Any, operation: str, key: str, domain: str) -> list[dict[str, Any]]:
    pages = sagemaker.get_paginator(operation).paginate(DomainIdEquals=domain)
    return [one for page in pages for one in page[key]]


def _orphans(client: Client) -> Iterator[dict[str, Any]]:
    """File systems of domains that are no more, whosever they were."""
    standing = {domain["DomainId"] for domain in _everybodys(client("sagemaker"))}
    for page in client("efs").get_paginator("describe_file_systems").paginate():
        for one in page["FileSystems"]:
            tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
            if OF_DOMAIN in tags and tags[OF_DOMAIN].rsplit("/", 1)[-1] not in standing:
                yield one


def _delete_groups(ec2: Any, domain: str) -> None:
    """Each of the two names the other in its rules, so the rules go first."""
    names = [name.format(domain) for name in GROUPS]
    groups = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": names}])["SecurityGroups"]
    for group in groups:
        for rules, revoke in (
            (group.get("IpPermissions"), ec2.revoke_security_group_ingress),
            (group.get("IpPermissionsEgress"), ec2.revoke_security_group_egress),
        ):
            if rules:
                revoke(GroupId=group["GroupId"], IpPermissions=rules)
    for group in groups:
        with gone_is_good():
            ec2.delete_security_group(GroupId=group["GroupId"])


def _never(_answer: object) -> bool:
    """Asked until it is an error that it is not there."""
    return False
