#!/bin/sh
# Starts a training as a client of Facet does, and follows its status: ./train.sh [address of the gateway]
set -eu
url=${1:-http://127.0.0.1:7481}
id=$(curl -sS "$url/train" -H 'Content-Type: application/json' -d '{
  "processed_dataset_id": "greetings",
  "hf_token": "hf_none",
  "job_name": "first try",
  "training_config": { "base_model_id": "google/gemma-3-1b-it", "hyperparameters": { "epochs": 1 } }
}' | python3 -c 'import json, sys; print(json.load(sys.stdin)["job_id"])')
echo "$id"
while :; do
  answer=$(curl -sS "$url/jobs/$id")
  case $answer in *'"completed"'* | *'"failed"'*) break ;; esac
  sleep 1
done
echo "$answer"
