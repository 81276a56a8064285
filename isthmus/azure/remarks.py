"""What Isthmus says on a pull request: one comment for each subject, kept up to date."""

from __future__ import annotations

from isthmus.azure.client import Client

# Azure DevOps takes 150,000 characters.
LONGEST = 140_000
CUT = "\n\nThe rest is in the run's log: it is too long for a comment."


def remark(client: Client, repository: str, number: int, subject: str, content: str) -> None:
    """Say `content` on the pull request, in place of what was said there about `subject` before."""
    mark = f"<!-- isthmus:{subject} -->"
    body = {"content": f"{mark}\n{_fitting(content)}", "commentType": "text"}
    threads = f"git/repositories/{repository}/pullRequests/{number}/threads"
    for thread in client.get(threads)["value"]:
        first = thread["comments"][0] if thread["comments"] else {}
        if not thread.get("isDeleted") and str(first.get("content", "")).startswith(mark):
            client.patch(f"{threads}/{thread['id']}/comments/{first['id']}", body)
            return
    # Closed, so that a policy which asks for resolved comments does not wait for it.
    client.post(threads, {"comments": [body | {"parentCommentId": 0}], "status": "closed"})


def _fitting(content: str) -> str:
    return content if len(content) <= LONGEST else content[:LONGEST].rsplit("\n", 1)[0] + CUT
