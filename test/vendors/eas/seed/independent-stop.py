from eas_prediction.queue_client import QueueClient
import uuid

if __name__ == '__main__':
    endpoint = '@ENDPOINT@'
    token = '@TOKEN@'
    input_name = 'kohya_scalable_job'

    # Create a client for the input queue to send command and termination requests.
    inputQueue = QueueClient(endpoint, input_name)
    inputQueue.set_token(token)
    inputQueue.init(gid="superwatcher")

    # Send a command request to the input queue.
    cmd = "for i in {1..10}; do date; sleep 1; done;"

    # The taskId of this task request.
    task_id = uuid.uuid1().hex
    tags = {"taskType": "command", "taskId": task_id}
    index, request_id = inputQueue.put(cmd, tags)
    print(f'cmd send, index: {index}, task_id: {task_id}')

    job_index = index  # The index returned when the task request is sent.

    pending_detail = inputQueue.search(job_index)
    print(f'search info: {pending_detail}')
    if len(pending_detail) > 0 and pending_detail.get("IsPending", True) == False:
        # The command task is still in the queue. Delete it directly from the input queue.
        inputQueue.delete(job_index)
        print(f'delete task index: {job_index}')
    else:
        # The command task is running. Send a stop signal to the input queue.
        stop_data = "stop"
        tags = {"_is_symbol_": "true", "taskId": task_id}
        inputQueue.put(stop_data, tags)
        print(f'stop task index: {job_index}')
