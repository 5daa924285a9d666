"""Loads tokenizer and model, by a folder or the hub's id, and says what is missing in words."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

from .refusal import Problem, Refusal
from .spec import Finetune


def check_machine(spec: Finetune) -> None:
    """Raises a Refusal `unavailable` where this machine cannot do what is asked, before anything is loaded."""
    import torch

    h = spec.hyperparameters
    has_cuda = torch.cuda.is_available()
    if spec.tuning == "qlora":
        missing = (
            [] if importlib.util.find_spec("bitsandbytes") else ["the package bitsandbytes (pip install bitsandbytes)"]
        )
        missing += [] if has_cuda else ["a GPU with CUDA"]
        if missing:
            words = f"qlora needs {' and '.join(missing)}, which this machine has not; use lora"
            raise Refusal("unavailable", "this machine cannot do that", [Problem("tuning", words)])
    if h.flash_attention and not (has_cuda and importlib.util.find_spec("flash_attn")):
        words = "needs a GPU with CUDA and the package flash_attn, which this machine has not"
        raise Refusal("unavailable", "this machine cannot do that", [Problem("hyperparameters.flashAttention", words)])
    if has_cuda and torch.cuda.device_count() > 1 and "LOCAL_RANK" not in os.environ:
        count = torch.cuda.device_count()
        words = (
            f"{count} GPUs are held and one process would use them badly; start it by torchrun --nproc-per-node={count}"
        )
        raise Refusal("unavailable", words)


def load_tokenizer(spec: Finetune) -> Any:
    """Raises a Refusal `unavailable` where there is no such model, or it cannot be reached."""
    from transformers import AutoTokenizer

    tokenizer = _loaded(spec, lambda name, **how: AutoTokenizer.from_pretrained(name, **how))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(spec: Finetune) -> Any:
    """The model to train, without an adapter yet. In 16 bit on a GPU where only an adapter is trained."""
    from transformers import AutoModelForCausalLM

    how: dict[str, Any] = {"dtype": weights_type(spec)}
    if spec.hyperparameters.flash_attention:
        how["attn_implementation"] = "flash_attention_2"
    if spec.tuning == "qlora":
        how |= {"quantization_config": _four_bits(), "device_map": {"": int(os.environ.get("LOCAL_RANK", 0))}}
    return _loaded(spec, lambda name, **more: AutoModelForCausalLM.from_pretrained(name, **how, **more))


def adapter_config(spec: Finetune) -> Any:
    """LoRA on all linear layers; None for a full fine-tune. For qlora the same, on a quantised model."""
    if spec.tuning == "full":
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=spec.lora.rank,
        lora_alpha=spec.lora.alpha,
        lora_dropout=spec.lora.dropout,
        bias="none",
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def weights_type(spec: Finetune) -> Any:
    import torch

    if not torch.cuda.is_available() or spec.tuning == "full":
        return torch.float32
    return half_type()


def half_type() -> Any:
    """bfloat16 from compute capability 8 on."""
    import torch

    return torch.bfloat16 if torch.cuda.get_device_capability()[0] >= 8 else torch.float16


def precision() -> dict[str, bool]:
    """What the trainer computes in: 16 bit on a GPU, 32 on a CPU."""
    import torch

    if not torch.cuda.is_available():
        return {"bf16": False, "fp16": False, "use_cpu": True}
    is_bf16 = half_type() is torch.bfloat16
    return {"bf16": is_bf16, "fp16": not is_bf16}


def _four_bits() -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=half_type(),
    )


def _loaded(spec: Finetune, load: Any) -> Any:
    place = Path(os.path.expandvars(os.path.expanduser(spec.base_model)))
    if place.is_dir():
        name, how = str(place), {"local_files_only": True}
    elif spec.base_model.startswith((".", "/", "~", "$")) or spec.base_model.count("/") > 1:
        words = f"there is no such folder; it was looked for at {place.absolute()}"
        raise Refusal("unavailable", "the model cannot be loaded", [Problem("baseModel", words, spec.base_model)])
    else:
        name, how = spec.base_model, {}
    try:
        return load(name, **how)
    except (OSError, ValueError, ImportError) as error:
        words = f"is no model that can be loaded: {str(error).strip().splitlines()[0]}"
        raise Refusal(
            "unavailable", "the model cannot be loaded", [Problem("baseModel", words, spec.base_model)]
        ) from error
