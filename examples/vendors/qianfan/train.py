"""Fits a line through the data sets of a Qianfan task, and leaves a checkpoint after each epoch."""
import json
import os
import time

parameters = json.loads(os.environ["QIANFAN_HYPERPARAMETERS"])
points = [
    json.loads(line)
    for dataset in json.loads(os.environ["QIANFAN_DATASETS"])
    for line in open(dataset["path"])
]
slope, offset = 0.0, 0.0
base = os.environ.get("QIANFAN_INCREMENT_CHECKPOINT")
if base:
    with open(base) as file:
        slope, offset = json.load(file)

for epoch in range(1, int(parameters["epoch"]) + 1):
    for point in points:
        error = slope * point["x"] + offset - point["y"]
        slope -= parameters["learningRate"] * error * point["x"]
        offset -= parameters["learningRate"] * error
    path = os.path.join(os.environ["ANNEAL_CHECKPOINT_DIR"], f"step-{epoch}")
    with open(path + ".tmp", "w") as file:
        json.dump([slope, offset], file)
    os.rename(path + ".tmp", path)
    with open(os.environ["ANNEAL_METRICS_FILE"], "a") as file:
        file.write(json.dumps({"checkpoint": path}) + "\n")
    print(f"epoch {epoch}: y = {slope:.3f} x + {offset:.3f}")
    time.sleep(0.1)
