"""Lets a Python process of a job with a stall limit write its stacks to its stderr when the host asks for them.

The host asks by a real-time signal that no program uses (57; src/runner/stacks.ts), and sends it only to a process
that catches it. The handler is C code: it also works while a thread sits in a lock or in a system call.
"""

import importlib
import os
import sys

try:
    import faulthandler

    faulthandler.register(57, all_threads=True)
except Exception:
    pass  # No stderr, or a Python without it: the training goes before.

# The job's own sitecustomize goes on to work.
_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _here]
_own = sys.modules.pop("sitecustomize", None)
try:
    importlib.import_module("sitecustomize")
except ImportError:
    if _own is not None:
        sys.modules["sitecustomize"] = _own
