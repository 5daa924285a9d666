"""Trains one variant, `train.py NAME`, and leaves its weights in the outputs."""

import sys

from network import digits, inputs, outputs, read_images, write

# Learning rate and epochs of each.
VARIANTS = {"slow": (0.005, 3), "steady": (0.05, 5), "quick": (0.2, 5)}

name = sys.argv[1] if len(sys.argv) > 1 else ""
if name not in VARIANTS:
    sys.exit(f"train.py: expected one of {', '.join(VARIANTS)}, not {name!r}")
rate, epochs = VARIANTS[name]
data = inputs() / "digits"
training, validation = read_images(data / "train.json"), read_images(data / "validation.json")
state = digits.first_state(seed=0)
for _ in range(epochs):
    state, loss = digits.train_epoch(state, training, rate, 0, digits.Stop())
    score = digits.accuracy(state.weights, validation)
    print(f"epoch {state.epoch}/{epochs} loss {loss:.4f} accuracy {score:.3f}", flush=True)
    digits.report({"step": state.epoch, "loss": loss, "accuracy": score})
write(outputs() / "model.json", {"variant": name, "weights": state.weights})
