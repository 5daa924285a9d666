from eas_prediction import QueueClient

if __name__ == '__main__':
    token = '@TOKEN@'
    input_url = '@ENDPOINT@'
    sink_url = input_url + '/sink'

    # Create an input queue to send training and termination requests for command tasks.
    inputQueue = QueueClient(custom_url = input_url)
    inputQueue.set_token(token)
    inputQueue.init(gid="superwatcher")

    # Create an output queue to obtain the task state and logs.
    sinkQueue = QueueClient(custom_url = sink_url)
    sinkQueue.set_token(token)
    sinkQueue.init()
