"""A training in miniature: what ModelArts hands over arrives as arguments."""
import argparse
import pathlib
import time

parser = argparse.ArgumentParser()
parser.add_argument("--data_url")
parser.add_argument("--train_url")
parser.add_argument("--learning_rate", type=float, default=0.1)
arguments = parser.parse_args()

weight = 0.0
for step in range(1, 21):
    weight += arguments.learning_rate * (3.0 - weight)
    print(f"step {step} weight {weight:.4f}", flush=True)
    time.sleep(0.05)
if arguments.train_url:
    pathlib.Path(arguments.train_url, "weight.txt").write_text(f"{weight}\n")
