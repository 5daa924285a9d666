"""Calls ModelArts v1 with requests that Huawei's own SDK core signs: URL, access key, secret key, project, config as JSON."""
import json
import sys
import time

import requests
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

url, access_key, secret_key, project, config = sys.argv[1:]
signer = Signer(BasicCredentials(access_key, secret_key, project))


def call(method, path, query=(), body=None):
    headers = {"Content-Type": "application/json", "X-Project-Id": project}
    text = "" if body is None else json.dumps(body, ensure_ascii=False)
    host = url.split("//")[1]
    asked = dict(resource_path=f"/v1/{project}{path}", query_params=list(query), header_params=headers, body=text)
    request = signer.sign(SdkRequest(method=method, schema="http", host=host, **asked))
    data = request.body if isinstance(request.body, bytes) else request.body.encode()
    answer = requests.request(method, url + request.uri, headers=request.header_params, data=data)
    return answer.status_code, answer.json()


config = json.loads(config)
made = {"config_name": "signed", "config_desc": "größer", **config}
print(json.dumps({"created": call("POST", "/training-job-configs", body=made)}))
found = call("GET", "/training-job-configs", [("search_content", "sig ned*"), ("order", "asc")])
print(json.dumps({"searched": found}))
_, job = call("POST", "/training-jobs", body={"job_name": "signed", "config": config})
version = f"/training-jobs/{job['job_id']}/versions/{job['version_id']}"
while True:
    _, shown = call("GET", version)
    if shown["status"] >= 10:
        break
    time.sleep(0.1)
_, files = call("GET", version + "/log/file-names")
_, log = call("GET", version + "/aom-log", [("log_file", files["log_file_list"][0]), ("lines", "500")])
print(json.dumps({"status": shown["status"], "log": log["content"], "resource_id": job["resource_id"]}))
signer = Signer(BasicCredentials(access_key, "wrong", project))
print(json.dumps({"refused": call("GET", "/training-jobs")}))
