#!/bin/sh
# A template, a job from it, its status and its log, by the calls of the vendor's pages.
set -eu
url=${ALAYANEW_URL:-http://127.0.0.1:7481}
call() {
  method=$1 path=$2
  shift 2
  curl -sS -X "$method" "$url$path" -H 'accept: application/json' -H 'Content-Type: application/json' \
    -H "Authorization: Bearer ${ALAYANEW_KEY:-none}" "$@"
}
# The first value of a key in a JSON text.
value() {
  sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" | head -n 1
}

template=$(call POST /v1/training/template/create -D - -o /dev/null -d '{
  "name": "count", "aidcId": 1, "trainingType": "PRE_TRAINING", "trainingFramwork": "PyTorch",
  "imageType": "general", "image": "any:1", "env": { "WORD": "epoch" },
  "resource": { "type": "worker", "gpuCount": "1", "workerCount": 1 },
  "enableTimeoutCancel": true, "timeoutHours": 1, "priority": 3,
  "startCommand": "for i in 1 2 3; do echo $WORD $i; sleep 1; done"
}' | tr -d '\r' | sed -n 's/^x-template-id: //p')
echo "template $template"
id=$(call POST /v1/training/instance/create -d "{\"createType\":\"TEMPLATE\",\"templateId\":\"$template\"}" | value id)
[ -n "$id" ] || { echo 'the job was refused' >&2; exit 1; }
echo "job $id"

status=
while :; do
  now=$(call GET "/v1/training/instance/$id" | value status)
  [ "$now" = "$status" ] || echo "$now"
  status=$now
  case $status in Succeeded | Failed | Canceled | Suspended) break ;; esac
  sleep 0.2
done
pod=$(call GET "/v1/training/instance/$id/pod/list" | value podName)
call GET "/v1/training/instance/$id/$pod/logs?from=1&size=100"
echo
[ "$status" = Succeeded ]
