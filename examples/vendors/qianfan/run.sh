#!/bin/sh
# Trains by the API of Qianfan, against `npx anneal up --gateway-open`.
set -eu
GATEWAY=${GATEWAY:-http://127.0.0.1:7481}

ask() { curl -sS "$GATEWAY/v2/finetuning?Action=$1" -H 'content-type: application/json' -d "$2"; }
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

JOB=$(ask CreateFineTuningJob "{\"name\": \"line-$(date +%s)\", \"model\": \"ERNIE-Speed-8K\", \"trainMode\": \"SFT\"}" | field jobId)
TASK=$(ask CreateFineTuningTask "{\"jobId\": \"$JOB\", \"parameterScale\": \"LoRA\",
  \"hyperParameterConfig\": {\"epoch\": 20, \"learningRate\": 0.1},
  \"datasetConfig\": {\"sourceType\": \"Platform\", \"versions\": [{\"versionId\": \"ds-line\"}], \"splitRatio\": 0}}" | field taskId)
echo "$JOB $TASK"

STATUS=
until [ "$STATUS" = Done ] || [ "$STATUS" = Failed ] || [ "$STATUS" = Stopped ]; do
  sleep 1
  STATUS=$(ask DescribeFineTuningTask "{\"taskId\": \"$TASK\"}" | field runStatus)
  echo "$STATUS"
done
ask DescribeFineTuningTask "{\"taskId\": \"$TASK\"}"
echo
[ "$STATUS" = Done ]
