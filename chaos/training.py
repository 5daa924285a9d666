"""The training that chaos kills: it counts, saves, resumes, and notes what only it can see.

Evidence lies under the folder given: `starts/<job>.<attempt>` (made exclusively: an attempt starts once), `holders/<name>`
(who holds a job or a device: nobody else may while that process lives), `output/<job>.<attempt>` (the bytes written, to
compare with the stored log), `violations/` (what must never be).
"""

import os
import signal
import sys
import time

evidence, lines, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
job, attempt = os.environ["ANNEAL_JOB_ID"], os.environ["ANNEAL_ATTEMPT"]
name = f"{job}.{attempt}"


def violation(text):
    path = os.path.join(evidence, "violations", f"{time.time_ns()}-{os.getpid()}")
    with open(path, "w") as file:
        file.write(f"{name}: {text}\n")


def is_training(pid):
    """Whether this process lives and is one of ours; a number may have been given to another."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return evidence.encode() in file.read()
    except OSError:
        return False


def hold(what):
    path = os.path.join(evidence, "holders", what)
    try:
        with open(path) as file:
            before = int(file.read() or 0)
        if before != os.getpid() and is_training(before):
            violation(f"{what} is held by the live process {before}")
    except FileNotFoundError:
        pass
    with open(f"{path}.{os.getpid()}", "w") as file:
        file.write(str(os.getpid()))
    os.rename(f"{path}.{os.getpid()}", path)


def leave(code):
    for what in held:
        try:
            os.unlink(os.path.join(evidence, "holders", what))
        except FileNotFoundError:
            pass
    os._exit(code)


held = [f"job-{job}"] + [f"device-{device}" for device in os.environ.get("ANNEAL_DEVICES", "").split(",") if device]
signal.signal(signal.SIGTERM, lambda *_: leave(143))
try:
    os.close(os.open(os.path.join(evidence, "starts", name), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
except FileExistsError:
    violation("the attempt was started twice")
for what in held:
    hold(what)

resume = os.environ.get("ANNEAL_RESUME_FROM")
begin = 0
if resume:
    with open(resume) as file:
        begin = int(file.read())
with open(os.path.join(evidence, "output", name), "ab", buffering=0) as output:
    for i in range(begin, lines):
        line = f"line {i} of {name}\n".encode()
        os.write(1, line)
        output.write(line)
        if i % 10 == 9:
            path = os.path.join(os.environ["ANNEAL_CHECKPOINT_DIR"], f"step-{i + 1}")
            with open(f"{path}.tmp", "w") as file:
                file.write(str(i + 1))
            os.rename(f"{path}.tmp", path)
        time.sleep(pause)
leave(0)
