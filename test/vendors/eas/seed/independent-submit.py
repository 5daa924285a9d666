from eas_prediction import QueueClient
import uuid

if __name__ == '__main__':
    endpoint = '@ENDPOINT@'
    token = '@TOKEN@'
    input_name = 'kohya_scalable_job'

    # Create a client for the input queue to send command requests.
    inputQueue = QueueClient(endpoint, input_name)
    inputQueue.set_token(token)
    inputQueue.init(gid="superwatcher")

    # Generate a unique taskId for each task request.
    task_id = uuid.uuid1().hex
    # Create a command string.
    cmd = "for i in {1..10}; do date; sleep 1; done;"
    # Specify command as the taskType and specify the taskId.
    tags = {"taskType": "command", "taskId": task_id}
    # Send a command training task request to the input queue.
    index, request_id = inputQueue.put(cmd, tags)
    print(f'send index: {index}, request id: {request_id}')
