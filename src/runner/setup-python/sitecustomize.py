"""Makes `pip install` of a setup command land in ANNEAL_SETUP_DIR, which is kept and reused by content.

On PYTHONPATH during a setup only. A virtual environment that the setup makes stays as it is: there pip refuses
PIP_USER, so the variables are set for interpreters outside of one and taken away inside.
"""

import importlib
import os
import sys

if sys.prefix == sys.base_prefix:
    os.environ.setdefault("PIP_USER", "1")
    os.environ.setdefault("PIP_BREAK_SYSTEM_PACKAGES", "1")
else:
    os.environ.pop("PIP_USER", None)

# The machine's own sitecustomize goes on to work.
_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _here]
_own = sys.modules.pop("sitecustomize", None)
try:
    importlib.import_module("sitecustomize")
except ImportError:
    if _own is not None:
        sys.modules["sitecustomize"] = _own
