"""A child process that goes with its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def belong_to_parent(parent: int) -> None:
    """Have this process end by its parent alone: asked by it to stop, killed when it is gone.

    For a child that serves. Were the parent killed, an orphan would go on holding the port and the
    database beside the service that is started next; so the kernel kills it then (Linux only). And
    Ctrl-C goes to a whole process group: in a group of its own the child is asked once, by its
    parent, and finishes the requests in flight.

    Args:
        parent: the process id of the one that made this one.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It died before the kernel was told.
        os._exit(1)
    os.setpgid(0, 0)
