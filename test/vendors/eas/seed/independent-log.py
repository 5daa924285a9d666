from eas_prediction import QueueClient
import json
import uuid

if __name__ == '__main__':
    endpoint = '@ENDPOINT@'
    token = '@TOKEN@'
    input_name = 'kohya_scalable_job'
    sink_name = input_name + '/sink'

    # Create a client for the input queue to send command requests.
    inputQueue = QueueClient(endpoint, input_name)
    inputQueue.set_token(token)
    inputQueue.init(gid="superwatcher")

    # Create a client for the output queue to obtain command execution logs.
    sinkQueue = QueueClient(endpoint, sink_name)
    sinkQueue.set_token(token)
    sinkQueue.init()

    # Send a command request to the input queue.
    cmd = "for i in {1..10}; do date; sleep 1; done;"
    task_id = uuid.uuid1().hex
    tags = {"taskType": "command", "taskId": task_id}
    index, request_id = inputQueue.put(cmd, tags)

    # Obtain the output logs of the training task with the specified taskId from the output queue in real time.
    running = True
    while running:
        dfs = sinkQueue.get(length=1, timeout='0s', tags=tags)
        if len(dfs) == 0:
            continue
        df = dfs[0]
        data = json.loads(df.data.decode())
        state = data["state"]
        print(data.get("log", ""))
        if state in {"Exited", "Stopped", "Fatal", "Backoff"}:
            running = False
