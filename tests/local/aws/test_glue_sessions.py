"""Glue's sessions: kept and listed, and deleted only when they were stopped."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import AUTOMATION, Aws


def test_a_session_is_stopped_before_it_is_deleted(aws: Aws) -> None:
    glue = aws.client("glue", AUTOMATION)
    role = f"arn:aws:iam::{AUTOMATION}:role/spark"
    glue.create_session(Id="one", Role=role, Command={"Name": "glueetl"})
    (listed,) = glue.list_sessions()["Sessions"]
    assert (listed["Id"], listed["Role"], listed["Status"]) == ("one", role, "READY")
    with pytest.raises(ClientError, match="IllegalSessionState"):
        glue.delete_session(Id="one")
    glue.stop_session(Id="one")
    assert glue.get_session(Id="one")["Session"]["Status"] == "STOPPED"
    glue.delete_session(Id="one")
    with pytest.raises(ClientError, match="EntityNotFound"):
        glue.get_session(Id="one")
    assert glue.list_sessions()["Ids"] == []
    # All else is as it was.
    assert glue.get_databases()["DatabaseList"] == []
