from eas_prediction import QueueClient
from eas_prediction.exception import PredictException
import json
import time
import uuid

if __name__ == '__main__':
    token = '@TOKEN@'
    input_url = '@ENDPOINT@'
    sink_url = input_url + '/sink'

    # Create a client for the input queue to send command requests.
    inputQueue = QueueClient(custom_url = input_url)
    inputQueue.set_token(token)
    inputQueue.init(gid="superwatcher")

    # Create a client for the output queue to obtain command execution logs.
    sinkQueue = QueueClient(custom_url = sink_url)
    sinkQueue.set_token(token)
    sinkQueue.init()

    # Send a command request to the input queue.
    cmd = "for i in {1..40}; do echo line $i; sleep 0.1; done;"
    task_id = uuid.uuid1().hex
    tags = {"taskType": "command", "taskId": task_id}
    index, request_id = inputQueue.put(cmd, tags)

    # Obtain the output logs of the training task with the specified taskId from the output queue in real time.
    running = True
    after = 0
    while running:
        # Not in the document: the service may be away for a while, and what was read is left there and read past.
        try:
            dfs = sinkQueue.get(index=after, length=1, timeout='0s', auto_delete=False, tags=tags)
        except PredictException:
            time.sleep(0.1)
            continue
        if len(dfs) == 0:
            continue
        df = dfs[0]
        after = df.index + 1
        data = json.loads(df.data.decode())
        state = data["state"]
        print(data.get("log", ""), end="")
        if state in {"Exited", "Stopped", "Fatal", "Backoff"}:
            running = False
