"""The stories of the SDK's own queue tests that need no inference worker, told with the SDK: prints `ok <story>` for each.

Usage: queue_stories.py ENDPOINT SERVICE TOKEN
"""
import sys
import threading
import time

from eas_prediction import QueueClient
from eas_prediction.exception import PredictException

ENDPOINT, SERVICE, TOKEN = sys.argv[1:4]
MANY = 2000


def client(name):
    queue = QueueClient(ENDPOINT, name)
    queue.set_token(TOKEN)
    queue.init()
    return queue


# One pair of clients for all stories, so that each new watch follows the abrupt end of the one before under the same name.
source, sink = client(SERVICE), client(SERVICE + "/sink")


def length(queue):
    return int(queue.attributes()["stream.length"])


def clear(queue):
    attributes = queue.attributes()
    if "stream.lastEntry" in attributes:
        queue.truncate(int(attributes["stream.lastEntry"]) + 1)


def get_by_index():
    index, _ = sink.put("abc")
    found = sink.get(index=index)
    assert [(str(df.index), df.data) for df in found] == [(index, b"abc")], found


def get_by_request_id():
    clear(source)
    clear(sink)
    _, request_id = sink.put("abc")
    found = sink.get(request_id=request_id)
    assert [df.tags["requestId"] for df in found] == [request_id], found


def get_nothing():
    assert sink.get(request_id="nobody", timeout="1s") == []


def truncate():
    for i in range(10):
        sink.put(str(i))
    assert length(sink) > 1
    clear(sink)
    assert length(sink) == 0


def search_and_delete():
    index, _ = source.put("abc")
    assert source.search(index) == {"IsPending": False, "WaitCount": 0}
    source.delete(index)
    assert source.search(index) == {}


def watch_while_another_puts():
    put = []
    seen = []

    def put_all():
        for i in range(MANY):
            put.append(sink.put(str(i))[1])

    thread = threading.Thread(target=put_all)
    thread.start()
    watcher = sink.watch(0, 5, auto_commit=True)
    for df in watcher.run():
        seen.append((df.data.decode(), df.tags["requestId"]))
        if len(seen) == MANY:
            break
    watcher.close()
    thread.join()
    assert [data for data, _ in seen] == [str(i) for i in range(MANY)]
    assert [request_id for _, request_id in seen] == put


def watch_with_auto_commit():
    for i in range(10):
        sink.put(str(i))
    watcher = sink.watch(0, 5, auto_commit=True)
    for expected, df in enumerate(watcher.run()):
        assert df.data.decode() == str(expected), df
        if expected == 9:
            break
    watcher.close()
    time.sleep(1)
    assert length(sink) == 0


def watch_with_manual_commit():
    for i in range(10):
        sink.put(str(i))
    watcher = sink.watch(0, 5, auto_commit=False)
    for expected, df in enumerate(watcher.run()):
        assert df.data.decode() == str(expected), df
        sink.commit(df.index)
        if expected == 9:
            break
    watcher.close()
    assert length(sink) == 0


def watch_for_tags():
    sink.put("other", {"colour": "red"})
    sink.put("mine", {"colour": "blue"})
    watcher = sink.watch(0, 5, auto_commit=True, tags={"colour": "blue"})
    df = next(watcher.run())
    assert df.data == b"mine" and df.tags["colour"] == "blue"
    watcher.close()
    clear(sink)


def two_watchers():
    watcher = sink.watch(0, 5)
    sink.put("abc")
    running = watcher.run()
    next(running)
    try:
        next(watcher.run())
        raise AssertionError("the second watcher was let in")
    except PredictException as refused:
        assert refused.code == 400, refused
    watcher.close()
    clear(sink)


def wrong_token():
    stranger = QueueClient(ENDPOINT, SERVICE)
    stranger.set_token("wrong")
    stranger.set_retry_count(0)
    stranger.init()
    try:
        stranger.put("abc")
        raise AssertionError("a wrong token was let in")
    except PredictException as refused:
        assert refused.code == 401, refused


for story in [
    get_by_index,
    get_by_request_id,
    get_nothing,
    truncate,
    search_and_delete,
    watch_while_another_puts,
    watch_with_auto_commit,
    watch_with_manual_commit,
    watch_for_tags,
    two_watchers,
    wrong_token,
]:
    begin = time.time()
    story()
    print("ok %s %.1f s" % (story.__name__, time.time() - begin), flush=True)
