"""`python -m isthmus` is the command `isthmus`, whose entry point this is too."""

import signal

# While commands are loaded there is nothing to tidy up: an interrupt ends the process, and shows no trace.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from isthmus.cli import main

if __name__ == "__main__":
    main()
