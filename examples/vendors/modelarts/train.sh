#!/bin/sh
# Saves a configuration, makes a job of it, follows it, prints its log: the calls of a ModelArts v1 client, by curl.
set -e
cd "$(dirname "$0")"
api=${API:-http://127.0.0.1:7481}/v1/default
home=${ANNEAL_HOME:-$HOME/.anneal}

# Without `paths` in vendors/modelarts.yaml every bucket is a folder below this one.
mkdir -p "$home/gateway/modelarts/obs/demo/app"
cp boot.py "$home/gateway/modelarts/obs/demo/app/"

config='"worker_server_num": 1, "spec_id": 1, "app_url": "obs://demo/app/", "boot_file_url": "obs://demo/app/boot.py",
  "parameter": [{"label": "learning_rate", "value": "0.3"}],
  "data_url": "obs://demo/data/", "train_url": "obs://demo/out/", "log_url": "obs://demo/log/"'
call() { curl -sf -X "$1" "$api$2" -H 'Content-Type: application/json' ${3:+-d "$3"}; }
field() { python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }

name=demo-$(date +%s)
call POST /training-job-configs "{\"config_name\": \"$name\", $config}" >/dev/null
made=$(call POST /training-jobs "{\"job_name\": \"$name\", \"config\": {$config}}")
version=/training-jobs/$(echo "$made" | field job_id)/versions/$(echo "$made" | field version_id)
echo "made $name: $version"
while status=$(call GET "$version" | field status); [ "$status" -lt 10 ]; do sleep 0.5; done
echo "status $status (10 is COMPLETED)"
call GET "$version/aom-log?log_file=$name.0" | field content
echo "result: $(cat "$home/gateway/modelarts/obs/demo/out/weight.txt")"
