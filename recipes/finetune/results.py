"""What a fine-tune leaves in the output folder: adapter or model, card, metrics, samples."""

from __future__ import annotations

import json
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any, Optional

from .check import Checked
from .fields import camel
from .spec import Finetune

# Of a higher one the perplexity is no number of a float.
_HIGHEST_LOSS = 700
_PACKAGES = ("torch", "transformers", "trl", "peft", "datasets")


def save_results(
    spec: Finetune, trainer: Any, tokenizer: Any, data: list[Checked], metrics: dict[str, Any], output: Path
) -> Path:
    """Writes the adapter or the merged model with its card, and `metrics.json`; gives the folder of the model."""
    is_adapter = spec.save == "adapter"
    folder = output / ("adapter" if is_adapter else "model")
    trained = trainer.accelerator.unwrap_model(trainer.model)
    saved = trained if is_adapter or spec.tuning == "full" else _merged(spec, trained, folder)
    saved.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # Last: the libraries write a card of their own.
    (folder / "README.md").write_text(card(spec, data, metrics))
    (output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    return folder


def final_metrics(
    spec: Finetune, train: dict[str, Any], evaluation: Optional[dict[str, Any]]
) -> dict[str, Optional[float]]:
    """By the names of the API. What is not finite is null.

    `accuracy`: for sft of the next token, for preferences how often the chosen one has the higher reward. `perplexity`:
    for sft, e^loss; the losses of the other methods are none of a language.
    """
    found = {name: train.get(name) for name in ("train_loss", "train_runtime", "train_samples_per_second")}
    if evaluation is not None:
        plain = {name.removeprefix("eval_"): value for name, value in evaluation.items()}
        found |= {"eval_loss": plain.get("loss"), "eval_runtime": plain.get("runtime")}
        if spec.method == "sft":
            loss = plain.get("loss")
            found["accuracy"] = plain.get("mean_token_accuracy")
            found["perplexity"] = math.exp(loss) if isinstance(loss, float) and loss < _HIGHEST_LOSS else None
        elif spec.method == "grpo":
            found["eval_reward"] = plain.get("reward")
        else:
            found["accuracy"] = plain.get("rewards/accuracies")
    return {name: _finite(value) for name, value in found.items()}


def write_samples(spec: Finetune, trainer: Any, tokenizer: Any, output: Path) -> None:
    """What the trained model says to each of the prompts, by its likeliest words."""
    if spec.sample is None:
        return
    import torch

    model = trainer.accelerator.unwrap_model(trainer.model).eval()
    with open(output / "samples.jsonl", "w") as file, torch.no_grad():
        for prompt in spec.sample.prompts:
            given = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).to(model.device)
            made = model.generate(
                **given, max_new_tokens=spec.sample.max_new_tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id
            )
            said = tokenizer.decode(made[0][given["input_ids"].shape[1] :], skip_special_tokens=True)
            file.write(json.dumps({"prompt": prompt, "completion": said}) + "\n")
            print(f"sample: {prompt!r} → {said!r}")


def card(spec: Finetune, data: list[Checked], metrics: dict[str, Any]) -> str:
    """The model card, with the head that the hub reads."""
    lora = [f"- LoRA: rank {spec.lora.rank}, alpha {spec.lora.alpha:g}, dropout {spec.lora.dropout:g}"]
    asked = {name: value for name, value in vars(spec.hyperparameters).items() if value is not None}
    return "\n".join(
        [
            "---",
            f"base_model: {json.dumps(spec.base_model)}",
            "library_name: " + ("peft" if spec.save == "adapter" else "transformers"),
            f"tags: [anneal, trl, {spec.method}]",
            "---",
            "",
            f"# {spec.base_model}, fine-tuned by {spec.method}",
            "",
            f"- base model: `{spec.base_model}`",
            f"- method: {spec.method}, tuning: {spec.tuning}, saved as: {spec.save}",
            *([f"- held out for evaluation: {spec.dataset.hold_out:g} of the rows"] if spec.dataset.hold_out else []),
            *(lora if spec.tuning != "full" else []),
            f"- seed: {spec.seed}",
            f"- made with: {', '.join(f'{name} {version(name)}' for name in _PACKAGES)}",
            "",
            "## Data",
            "",
            "| for | data | format | rows | double | sha256 |",
            "|---|---|---|---|---|---|",
            *(
                f"| {use} | `{d.source.name}` | {d.format} | {d.rows} | {d.doubles} | `{d.source.sha256}` |"
                for use, d in zip(("training", "evaluation"), data)
            ),
            "",
            "## Hyperparameters",
            "",
            *(f"- {camel(name)}: {value}" for name, value in asked.items()),
            *(f"- grader {grader.name}: {type(grader).__name__}" for grader in spec.graders),
            "",
            "## Results",
            "",
            *(f"- {name}: {value:.6g}" for name, value in metrics.items() if value is not None),
            "",
        ]
    )


def _merged(spec: Finetune, trained: Any, folder: Path) -> Any:
    """The adapter within the weights. For qlora on the base in 16 bit: merged into 4 bit it loses what it learnt."""
    if spec.tuning != "qlora":
        return trained.merge_and_unload()
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from .model import half_type

    trained.save_pretrained(folder)
    base = AutoModelForCausalLM.from_pretrained(spec.base_model, dtype=half_type())
    merged = PeftModel.from_pretrained(base, str(folder)).merge_and_unload()
    for file in folder.glob("adapter_*"):
        file.unlink()
    return merged


def _finite(value: Any) -> Optional[float]:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
