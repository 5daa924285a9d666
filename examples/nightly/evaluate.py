"""Tries every candidate on images that none has seen, and leaves the best one in the outputs."""

from network import digits, inputs, outputs, read, read_images, write

test = read_images(inputs() / "digits")
candidates = [read(path) for path in sorted(inputs().glob("candidates_*"))]
scores = {model["variant"]: digits.accuracy(model["weights"], test) for model in candidates}
for variant, score in scores.items():
    print(f"{variant}: accuracy {score:.3f}")
best = max(candidates, key=lambda model: scores[model["variant"]])
write(outputs() / "best" / "model.json", best)
write(outputs() / "best" / "scores.json", {"best": best["variant"], "accuracy": scores})
digits.report({"step": 1, "accuracy": scores[best["variant"]]})
