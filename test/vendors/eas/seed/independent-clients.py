from eas_prediction import QueueClient

if __name__ == '__main__':
    endpoint = '@ENDPOINT@'
    token = '@TOKEN@'
    input_name = 'kohya_scalable_job'
    sink_name = input_name + '/sink'

    # Create an input queue to send training and termination requests for command tasks.
    inputQueue = QueueClient(endpoint, input_name)
    inputQueue.set_token(token)
    inputQueue.init()

    # Create an output queue to obtain the task state and logs.
    sinkQueue = QueueClient(endpoint, sink_name)
    sinkQueue.set_token(token)
    sinkQueue.init()
