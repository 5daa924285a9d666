# The SDK's trainer: it reads the support list, creates job and task, polls to the end, and prints what it has.
import json
import sys

from qianfan.resources.console import consts
from qianfan.trainer.actions import TrainAction

action = TrainAction(train_type="ERNIE-Speed-8K", train_mode=consts.TrainMode.SFT)
versions = [{"versionBosUri": "bos:/data/train.jsonl"}]
output = action.exec(input={"datasets": {"sourceType": "Bos", "versions": versions, "splitRatio": 20}})
json.dump({"ids": [output["job_id"], output["task_id"]], "checkpoints": output["checkpoints"]}, sys.stdout)
