"""The trainer of each method, with our words turned into TRL's (Facet reference, section 9)."""

from __future__ import annotations

import math
from typing import Any

from anneal.huggingface import AnnealCallback

from .graders import as_reward
from .model import adapter_config, precision
from .refusal import Problem, Refusal
from .spec import Finetune

_RATE = {"full": 2e-5, "lora": 2e-4, "qlora": 2e-4}
_BETA = {"dpo": 0.1, "orpo": 0.1, "grpo": 0.0}


def new_trainer(
    spec: Finetune, model: Any, tokenizer: Any, train: Any, evaluation: Any, folder: str, callback: AnnealCallback
) -> Any:
    """`folder` is where its checkpoints go."""
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    made = {"sft": _sft, "dpo": _dpo, "orpo": _orpo, "grpo": _grpo}[spec.method]
    given = {
        "model": model,
        "train_dataset": train,
        "eval_dataset": evaluation,
        "processing_class": tokenizer,
        "callbacks": [callback],
        "peft_config": adapter_config(spec),
    }
    trainer = made(spec, _common(spec, folder, evaluation is not None), given)
    trainer.remove_callback(PrinterCallback)  # what it prints stands in the metrics already
    trainer.remove_callback(ProgressCallback)
    return trainer


def _common(spec: Finetune, folder: str, evaluates: bool) -> dict[str, Any]:
    h = spec.hyperparameters
    asked = spec.evaluation
    evaluation: dict[str, Any] = {"eval_strategy": "no"}
    if evaluates and asked is not None and asked.strategy != "no":
        evaluation = {"eval_strategy": asked.strategy}
        evaluation |= {"eval_steps": asked.steps} if asked.strategy == "steps" else {}
    return {
        "output_dir": folder,
        "learning_rate": h.learning_rate if h.learning_rate is not None else _RATE[spec.tuning],
        "per_device_train_batch_size": h.batch_size,
        "per_device_eval_batch_size": _eval_batch(spec),
        "gradient_accumulation_steps": h.gradient_accumulation,
        "num_train_epochs": h.epochs,
        "max_steps": h.max_steps if h.max_steps is not None else -1,
        "warmup_steps": h.warmup,
        "lr_scheduler_type": h.scheduler,
        "weight_decay": h.weight_decay,
        "max_grad_norm": h.max_grad_norm,
        "adam_beta1": h.adam_beta1,
        "adam_beta2": h.adam_beta2,
        "logging_steps": h.logging_steps,
        "save_strategy": h.save_strategy,
        "save_steps": h.save_steps,
        "save_total_limit": h.save_limit,
        "seed": spec.seed,
        "report_to": [],
        "push_to_hub": False,
        "disable_tqdm": True,
        "gradient_checkpointing": h.gradient_checkpointing if h.gradient_checkpointing is not None else not _on_cpu(),
        **precision(),
        **evaluation,
    }


def _sft(spec: Finetune, common: dict[str, Any], given: dict[str, Any]) -> Any:
    from trl import SFTConfig, SFTTrainer

    h = spec.hyperparameters
    is_chat = "messages" in given["train_dataset"].column_names
    config = SFTConfig(
        **common,
        max_length=None if h.padding_free and not h.packing else h.max_length,
        packing=h.packing,
        # The other strategy lays rows side by side and tells them apart only under flash attention.
        packing_strategy="bfd" if h.flash_attention else "wrapped",
        padding_free=h.padding_free,
        assistant_only_loss=is_chat and _can_mask(given["processing_class"]),
    )
    return SFTTrainer(args=config, **given)


def _dpo(spec: Finetune, common: dict[str, Any], given: dict[str, Any]) -> Any:
    from trl import DPOConfig, DPOTrainer

    return DPOTrainer(args=DPOConfig(**common, beta=_beta(spec), max_length=spec.hyperparameters.max_length), **given)


def _orpo(spec: Finetune, common: dict[str, Any], given: dict[str, Any]) -> Any:
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    config = ORPOConfig(**common, beta=_beta(spec), max_length=spec.hyperparameters.max_length)
    return ORPOTrainer(args=config, **given)


def _grpo(spec: Finetune, common: dict[str, Any], given: dict[str, Any]) -> Any:
    from trl import GRPOConfig, GRPOTrainer

    h = spec.hyperparameters
    config = GRPOConfig(
        **common,
        beta=_beta(spec),
        num_generations=h.num_generations,
        max_completion_length=h.max_length - h.max_prompt_length,
        temperature=h.temperature,
        remove_unused_columns=False,
    )
    return GRPOTrainer(args=config, reward_funcs=[as_reward(grader) for grader in spec.graders], **given)


def _beta(spec: Finetune) -> float:
    beta = spec.hyperparameters.beta
    return _BETA[spec.method] if beta is None else beta


def _eval_batch(spec: Finetune) -> int:
    """For grpo rounded up, so that a batch holds all generations of its prompts."""
    h = spec.hyperparameters
    return math.ceil(h.batch_size / h.num_generations) * h.num_generations if spec.method == "grpo" else h.batch_size


def _on_cpu() -> bool:
    import torch

    return not torch.cuda.is_available()


def _can_mask(tokenizer: Any) -> bool:
    """Whether it is known which tokens are the assistant's: by the template itself, or as one that TRL knows."""
    from trl.chat_template_utils import get_training_chat_template

    if tokenizer.chat_template is None:
        words = "has no chat template, and the data are conversations; use a model for chat, or prompt and completion"
        raise Refusal("invalid_data", "data and model do not fit", [Problem("baseModel", words)])
    if "{% generation" in tokenizer.chat_template or "{%- generation" in tokenizer.chat_template:
        return True
    try:
        get_training_chat_template(tokenizer)
        return True
    except ValueError:
        print("the chat template does not say which words are the assistant's; all of a conversation is learnt")
        return False
