#!/bin/sh
# Puts a command on the input of the service `trainer`, and writes what it says on the sink.
queue=${EAS_ENDPOINT:-http://127.0.0.1:7481}/api/predict/trainer
task=$(date +%s)-$$
tags="taskType=command&taskId=$task"

curl -sf "$queue?$tags" --data-binary 'for i in {1..5}; do echo "epoch $i"; sleep 1; done' >/dev/null || exit 1
while :; do
  piece=$(curl -sf "$queue/sink?$tags&_auto_delete_=true&_timeout_=5s")
  [ -n "$piece" ] || continue
  printf '%s\n' "$piece"
  case $piece in *'"state":"Exited"'* | *'"state":"Stopped"'* | *'"state":"Fatal"'*) exit ;; esac
done
