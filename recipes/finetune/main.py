"""Starts the fine-tune from wherever this folder lies: `python3 …/recipes/finetune/main.py [check] [FILE]`."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The folder of the script itself is on the path, where its modules would be found under other names.
sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != HERE]
# The Python package stands beside the recipes unless it is installed.
sys.path[:0] = [str(HERE.parent), *(str(p) for p in [HERE.parents[1] / "python"] if p.is_dir())]

from finetune.run import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
