from eas_prediction import QueueClient
import uuid

if __name__ == '__main__':
    token = '@TOKEN@'
    input_url = '@ENDPOINT@'
    sink_url = input_url + '/sink'

    # Create a client for the input queue to send command requests.
    inputQueue = QueueClient(custom_url = input_url)
    inputQueue.set_token(token)
    inputQueue.init(gid="superwatcher")

    # Send a command request to the input queue.
    task_id = uuid.uuid1().hex
    cmd = "for i in {1..100}; do date; sleep 1; done;"
    tags = {"taskType": "command", "taskId": task_id}
    index, request_id = inputQueue.put(cmd, tags)

    # Query the queue status of the request data.
    search_info = inputQueue.search(index)
    print("index: {}, search info: {}".format(index, search_info))
