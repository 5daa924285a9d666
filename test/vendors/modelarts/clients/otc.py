"""Drives the training API with the OpenStack SDK and its extensions for Open Telekom Cloud: URL, user, password, domain, project."""
import json
import sys
import time

import openstack

url, user, password, domain, project = sys.argv[1:]
login = dict(
    auth_url=f"{url}/v3",
    username=user,
    password=password,
    user_domain_name=domain,
    project_name=project,
    project_domain_name=domain,
)
connection = openstack.connect(
    load_yaml_config=False,
    load_envvars=False,
    auth_type="v3password",
    auth=login,
    region_name=project,
    vendor_hook="otcextensions.sdk:load",
    modelartsv1_endpoint_override=f"{url}/v1/p1",
)
modelarts = connection.modelartsv1
config = dict(
    worker_server_num=1,
    spec_id=1,
    engine_id=next(engine.engine_id for engine in modelarts.job_engines()),
    app_url="obs://bucket/app/",
    boot_file_url="obs://bucket/app/wait.py",
    data_url="obs://bucket/data/",
    parameter=[{"label": "learning_rate", "value": "0.01"}],
)
modelarts.create_training_job_config(config_name="from-otc", **config)
names = [one.config_name for one in modelarts.training_job_configs(limit=5)]
job = modelarts.create_training_job(job_name="from-otc", config=config)


def status():
    (version,) = modelarts.training_job_versions(job.job_id)
    return version.status


while status() < 8:
    time.sleep(0.1)
running = [one.job_name for one in modelarts.training_jobs(status=8)]
modelarts.update_training_job(job.job_id, description="being stopped")
# Its own stop of a version fails in this release before it sends anything: it does not find the job's id.
modelarts.post(f"/training-jobs/{job.job_id}/versions/{job.version_id}/stop")
while status() < 10:
    time.sleep(0.1)
described = [one.job_description for one in modelarts.training_jobs()]
ended = status()
modelarts.delete_training_job(job.job_id)
modelarts.delete_training_job_config("from-otc")
left = [one.job_name for one in modelarts.training_jobs()] + [one.config_name for one in modelarts.training_job_configs()]
print(json.dumps({"names": names, "running": running, "described": described, "status": ended, "left": left}))
