# One call of `FineTune.V2` in the Qianfan SDK for Python per line of the standard input: ["stop_task", {"task_id": "task-…"}].
# Prints one line of JSON for each: {"status": 200, "body": …} or {"error": …}. Address and keys come from the environment.
import json
import sys

from qianfan import resources
from qianfan.errors import RequestError

for line in sys.stdin:
    name, arguments = json.loads(line)
    try:
        reply = getattr(resources.FineTune.V2, name)(**arguments)
        print(json.dumps({"status": reply.code, "body": reply.body}), flush=True)
    except RequestError as error:
        print(json.dumps({"error": str(error)}), flush=True)
