"""The command `isthmus` in a process that is killed at one of its requests to a cloud.

`python -m tests.deploy.killed NUMBER before|after FILE WORD ...`: at the request of that number, before it is
sent or when it has been answered. How many there were by then stands in FILE.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from botocore.httpsession import URLLib3Session

from isthmus.cli import isthmus


def main(number: int, when: str, file: Path, words: list[str]) -> None:
    send, count = URLLib3Session.send, 0

    def counted(session: URLLib3Session, request: Any) -> Any:
        nonlocal count
        count += 1
        file.write_text(str(count))
        if count == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = send(session, request)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    URLLib3Session.send = counted
    isthmus(words)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
