"""What a training says to Anneal, and a client of its server. Standard library only.

Within a job the functions below talk to the host's agent by files and signals; nothing of them needs a
network. Outside of a job they do no harm: `log` and `phase` do nothing, the folders are local ones.
"""

from anneal.checkpoints import announce_checkpoint, checkpoint
from anneal.client import Client, Job, LogPiece, Outcome
from anneal.errors import (
    AnnealError,
    Conflict,
    InvalidSpec,
    NotFound,
    QuotaExceeded,
    Unauthorized,
    Unavailable,
    WaitTimeout,
)
from anneal.job import (
    attempt,
    checkpoint_dir,
    input,
    is_main_process,
    job_id,
    job_name,
    output_dir,
    rank,
    resume_from,
    world_size,
)
from anneal.metrics import log, phase
from anneal.stopping import on_stop, stop_requested

__version__ = "0.1.0"
__all__ = [
    "AnnealError",
    "Client",
    "Conflict",
    "InvalidSpec",
    "Job",
    "LogPiece",
    "NotFound",
    "Outcome",
    "QuotaExceeded",
    "Unauthorized",
    "Unavailable",
    "WaitTimeout",
    "announce_checkpoint",
    "attempt",
    "checkpoint",
    "checkpoint_dir",
    "input",
    "is_main_process",
    "job_id",
    "job_name",
    "log",
    "on_stop",
    "output_dir",
    "phase",
    "rank",
    "resume_from",
    "stop_requested",
    "world_size",
]
