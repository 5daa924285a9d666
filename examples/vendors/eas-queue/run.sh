#!/bin/sh
# Needs `npx anneal up --gateway-open` in another terminal.
set -eu
queue="${GATEWAY:-http://127.0.0.1:7481}/api/predict/example"

echo "put: index $(curl -sSf -d 'first' "$queue?colour=blue")"
index=$(curl -sSf -d 'second' "$queue?colour=red")
echo "put: index $index"
echo "get what is blue: $(curl -sSf "$queue?colour=blue&_auto_delete_=true")"
echo "search: $(curl -sSf "$queue?_search_=true&_index_=$index")"
echo "commit: $(curl -sSf -X PUT "$queue?_indexes_=$index")"
echo "left: $(curl -sSf "$queue?_count_=true")"
