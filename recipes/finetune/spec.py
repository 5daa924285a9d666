"""What is asked of a fine-tune: the same words for every provider. README.md tells what each means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Optional

from .fields import flag, known, list_of, number, object_of, one_of, read_object, text, whole
from .graders import read_grader
from .refusal import Problem, Refusal

METHODS = ("sft", "dpo", "orpo", "grpo")
FORMATS = ("messages", "prompt_completion", "text", "preference", "prompts")
# Larger ones are a mistake; they fit into no message of Anneal either.
MAX_SPEC_BYTES = 1024 * 1024
MAX_GRADERS = 32
MAX_SAMPLES = 32
_MANY = 2**31 - 1


@dataclass
class Dataset:
    train: str = known(text)
    evaluation: Optional[str] = known(text, None)
    hold_out: Optional[float] = known(number(0, 1, above=True, below=True), None)
    format: Optional[str] = known(one_of(*FORMATS), None)


@dataclass
class Lora:
    rank: int = known(whole(1, 4096), 16)
    alpha: float = known(number(0, 65536, above=True), 16.0)
    dropout: float = known(number(0, 1, below=True), 0.05)


@dataclass
class Hyperparameters:
    learning_rate: Optional[float] = known(number(0, 100, above=True), None)
    batch_size: int = known(whole(1, 65536), 2)
    gradient_accumulation: int = known(whole(1, 65536), 4)
    epochs: float = known(number(0, 100_000, above=True), 3.0)
    max_steps: Optional[int] = known(whole(1, _MANY), None)
    max_length: int = known(whole(8, 10_000_000), 1024)
    max_prompt_length: int = known(whole(1, 10_000_000), 512)
    packing: bool = known(flag, False)
    padding_free: bool = known(flag, False)
    flash_attention: bool = known(flag, False)
    warmup: float = known(number(0, _MANY), 0.1)
    scheduler: str = known(
        one_of("linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup"), "linear"
    )
    weight_decay: float = known(number(0, 100), 0.01)
    max_grad_norm: float = known(number(0, 1e6), 1.0)
    adam_beta1: float = known(number(0, 1, below=True), 0.9)
    adam_beta2: float = known(number(0, 1, below=True), 0.999)
    beta: Optional[float] = known(number(0, 1000), None)
    num_generations: int = known(whole(2, 1024), 4)
    temperature: float = known(number(0, 100, above=True), 1.0)
    logging_steps: int = known(whole(1, _MANY), 10)
    save_strategy: str = known(one_of("no", "steps", "epoch"), "epoch")
    save_steps: int = known(whole(1, _MANY), 50)
    save_limit: int = known(whole(2, 100_000), 3)
    gradient_checkpointing: Optional[bool] = known(flag, None)


@dataclass
class Evaluation:
    strategy: str = known(one_of("no", "steps", "epoch"), "epoch")
    steps: int = known(whole(1, _MANY), 50)


@dataclass
class Sample:
    prompts: list[str] = known(list_of(text, MAX_SAMPLES))
    max_new_tokens: int = known(whole(1, 4096), 64)


@dataclass
class Finetune:
    base_model: str = known(text)
    dataset: Dataset = known(object_of(Dataset))
    method: str = known(one_of(*METHODS), "sft")
    tuning: str = known(one_of("full", "lora", "qlora"), "lora")
    lora: Lora = known(object_of(Lora), factory=Lora)
    hyperparameters: Hyperparameters = known(object_of(Hyperparameters), factory=Hyperparameters)
    graders: list[Any] = known(list_of(read_grader, MAX_GRADERS), factory=list)
    evaluation: Optional[Evaluation] = known(object_of(Evaluation), None)
    save: Optional[str] = known(one_of("adapter", "merged"), None)
    seed: int = known(whole(0, 2**32 - 1), 42)
    sample: Optional[Sample] = known(object_of(Sample), None)


def read_spec(given: str) -> Finetune:
    """From JSON. Raises a Refusal `invalid_spec` that names everything that is wrong with it."""
    if len(given.encode()) > MAX_SPEC_BYTES:
        raise Refusal("invalid_spec", f"the description has more than {MAX_SPEC_BYTES} bytes")
    try:
        value = json.loads(given)
    except ValueError as error:
        raise Refusal("invalid_spec", f"the description is no JSON: {error}") from None
    problems: list[Problem] = []
    spec = read_object(Finetune, value, "", problems)
    if spec is not None and not problems:
        problems = list(_contradictions(spec))
    if spec is None or problems:
        count = "an error" if len(problems) == 1 else f"{len(problems)} errors"
        raise Refusal("invalid_spec", f"the description of the fine-tune has {count}", problems)
    if spec.save is None:
        spec.save = "merged" if spec.tuning == "full" else "adapter"
    return spec


def _contradictions(spec: Finetune) -> Any:
    """What fits field by field, but not together."""
    h = spec.hyperparameters
    if spec.save == "adapter" and spec.tuning == "full":
        yield Problem("save", "a full fine-tune has no adapter; expected merged", spec.save)
    if spec.method == "grpo":
        yield from _grpo(spec)
    elif spec.graders:
        yield Problem("graders", f"are for the method grpo; {spec.method} reads none")
    if spec.method in ("dpo", "orpo") and h.beta == 0:
        yield Problem("hyperparameters.beta", f"expected a number above 0 for {spec.method}", h.beta)
    for name, asked in (("packing", h.packing), ("paddingFree", h.padding_free)):
        if asked and spec.method != "sft":
            yield Problem(f"hyperparameters.{name}", f"is for the method sft; {spec.method} cannot do it")
    if h.padding_free and not h.flash_attention:
        yield Problem("hyperparameters.paddingFree", "needs flashAttention: true")
    data = spec.dataset
    if data.evaluation is not None and data.hold_out is not None:
        yield Problem("dataset.holdOut", "is not needed beside data for evaluation; give one of them", data.hold_out)
    if spec.evaluation and spec.evaluation.strategy != "no" and data.evaluation is None and data.hold_out is None:
        yield Problem("dataset.evaluation", "is required, since evaluation is asked for; or dataset.holdOut")


def _grpo(spec: Finetune) -> Any:
    h = spec.hyperparameters
    if not spec.graders:
        yield Problem("graders", "grpo needs at least one")
    names = [grader.name for grader in spec.graders]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem(f"graders[{index}].name", "is taken by a grader before it", name)
    batch = h.batch_size * h.gradient_accumulation
    if batch % h.num_generations != 0:
        words = f"must divide batchSize × gradientAccumulation, which is {batch}"
        yield Problem("hyperparameters.numGenerations", words, h.num_generations)
    if h.max_length <= h.max_prompt_length:
        words = f"must be above maxPromptLength, which is {h.max_prompt_length}: the difference is for the completion"
        yield Problem("hyperparameters.maxLength", words, h.max_length)
