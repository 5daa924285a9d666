#!/usr/bin/env python3
"""Makes a small language model with random weights, its tokenizer, and data for each method, out of sonnets.txt.

Usage: prepare.py FOLDER. Nothing is fetched. The same seed gives the same model, so every attempt of a job has it.
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

HERE = Path(__file__).resolve().parent
TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}"
    "{{ eos_token }}{% endgeneration %}{% else %}{{ message['content'] }}\n{% endif %}{% endfor %}"
)


def main(folder: Path) -> None:
    text = (HERE / "sonnets.txt").read_text()
    lines = [line for line in text.splitlines() if line]
    tokenizer = new_tokenizer(lines)
    disable_progress_bar()
    new_model(tokenizer).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    pairs = list(zip(lines, lines[1:]))
    write(folder / "sonnets.jsonl", [{"text": sonnet} for sonnet in text.strip().split("\n\n")])
    write(folder / "lines.jsonl", [{"prompt": a + "\n", "completion": b} for a, b in pairs])
    write(folder / "chat.jsonl", [{"messages": [said("user", a), said("assistant", b)]} for a, b in pairs])
    backwards = [{"prompt": a + "\n", "chosen": b, "rejected": " ".join(reversed(b.split()))} for a, b in pairs]
    write(folder / "preferences.jsonl", backwards)
    write(folder / "prompts.jsonl", [{"prompt": a + "\n", "word": "love"} for a in lines])


def new_tokenizer(lines: list) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<eos>", "<pad>"]
    made.train_from_iterator(
        lines,
        trainers.BpeTrainer(vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<eos>", pad_token="<pad>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.1,  # large, so that an adapter on frozen random layers finds something to work with
    )
    return LlamaForCausalLM(config)


def said(role: str, content: str) -> dict:
    return {"role": role, "content": content}


def write(file: Path, rows: list) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
