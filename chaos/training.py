"""The training that chaos kills: it counts, saves, resumes, and notes what only it can see.

Evidence lies under the folder given: `starts/<job>.<attempt>` (made exclusively: an attempt starts once), `locks/<name>`
(locked while a job or a device is held, and freed by the kernel with the process), `output/<job>.<attempt>` (the bytes
written, to compare with the stored log), `violations/` (what must never be; each begins with the promise's number).
"""

import errno
import fcntl
import hashlib
import os
import signal
import sys
import time

evidence, lines, pause, secret_hash = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
job, attempt = os.environ["ANNEAL_JOB_ID"], os.environ["ANNEAL_ATTEMPT"]
name = f"{job}.{attempt}"
# <home of the host>/runs/<job>/<attempt>/output
host = hashlib.sha256(os.path.dirname(os.environ["ANNEAL_OUTPUT_DIR"]).rsplit("/runs/", 1)[0].encode()).hexdigest()[:8]


def violation(promise, text):
    path = os.path.join(evidence, "violations", f"{time.time_ns()}-{os.getpid()}")
    with open(path, "w") as file:
        file.write(f"{promise}: {name}: {text}\n")


def hold(promise, what):
    """Locks it until this process is gone; whoever comes meanwhile is a violation."""
    lock = os.open(os.path.join(evidence, "locks", what), os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        violation(promise, f"{what} is held by the live {os.pread(lock, 100, 0).decode()}")
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{name}, process {os.getpid()}".encode(), 0)


def write_out(line):
    """On a full disk it waits, as a careful training would."""
    while line:
        try:
            line = line[os.write(1, line) :]
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            time.sleep(0.05)


def save(step):
    path = os.path.join(os.environ["ANNEAL_CHECKPOINT_DIR"], f"step-{step}")
    try:
        with open(f"{path}.tmp", "w") as file:
            file.write(str(step))
        os.rename(f"{path}.tmp", path)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def report(step):
    """A metric, so that what takes them is killed, too."""
    if "ANNEAL_METRICS_FILE" not in os.environ:
        return
    try:
        with open(os.environ["ANNEAL_METRICS_FILE"], "a") as file:
            file.write(f'{{"step": {step}, "left": {lines - step}}}\n')
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
try:
    os.close(os.open(os.path.join(evidence, "starts", name), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
except FileExistsError:
    violation(2, "the attempt was started twice")
hold(2, f"job-{job}")
for device in os.environ.get("ANNEAL_DEVICES", "").split(","):
    if device:
        hold(3, f"device-{host}-{device}")
if hashlib.sha256(os.environ.get("CHAOS_SECRET", "").encode()).hexdigest() != secret_hash:
    violation(10, "the secret is not what the host was given")

begin = 0
if os.environ.get("ANNEAL_RESUME_FROM"):
    with open(os.environ["ANNEAL_RESUME_FROM"]) as file:
        begin = int(file.read())
with open(os.path.join(evidence, "output", name), "ab", buffering=0) as output:
    for i in range(begin, lines):
        line = f"line {i} of {name}\n".encode()
        write_out(line)
        output.write(line)
        report(i)
        if i % 10 == 9:
            save(i + 1)
        time.sleep(pause)
