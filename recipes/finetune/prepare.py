"""Turns checked rows into the dataset that the trainer takes."""

from __future__ import annotations

from typing import Any, Iterator

from .check import Checked
from .formats import COLUMNS
from .refusal import Problem, Refusal
from .sources import Source, rows_of
from .spec import Finetune


def prepare(spec: Finetune, checked: Checked, tokenizer: Any) -> Any:
    """Only the columns that are read; prompts cut to maxPromptLength, from their beginning, where they are text."""
    from datasets import Dataset
    from datasets.exceptions import DatasetGenerationError

    # The hash is among what the library knows its own copy by, so that changed data are never taken for the old. Tuples,
    # since a list would be taken for shards.
    columns = {"columns": tuple(COLUMNS[checked.format]), "graded": tuple(_graded(spec, checked))}
    try:
        dataset = Dataset.from_generator(_selected, gen_kwargs={"source": checked.source, **columns})
    except DatasetGenerationError as error:
        words = f"{checked.source.name}: its rows do not fit into one table, such as text here and messages there"
        raise Refusal("invalid_data", f"{words}: {error.__cause__}") from error
    if checked.format in ("preference", "prompts"):
        most = spec.hyperparameters.max_prompt_length
        dataset = dataset.map(lambda row: {"prompt": _cut(row["prompt"], most, tokenizer)})
        before = len(dataset)
        dataset = dataset.filter(lambda row: row["prompt"] is not None)
        if len(dataset) == 0:
            raise Refusal(
                "invalid_data", f"all {before} prompts of {checked.source.name} are longer than maxPromptLength"
            )
        if len(dataset) < before:
            print(f"{before - len(dataset)} conversations are longer than maxPromptLength {most} and are left out")
    return dataset


def hold_out(dataset: Any, part: float, seed: int) -> list[Any]:
    """The rows for training, and those for evaluation: the same of the same data and seed, so also after a crash."""
    if len(dataset) < 2:
        problem = Problem("dataset.holdOut", "needs two rows at least, one of them for training")
        raise Refusal("invalid_data", "the data cannot be divided", [problem])
    size = min(max(round(len(dataset) * part), 1), len(dataset) - 1)
    divided = dataset.train_test_split(test_size=size, seed=seed)
    print(f"{size} of {len(dataset)} rows are held out for evaluation", flush=True)
    return [divided["train"], divided["test"]]


def _graded(spec: Finetune, checked: Checked) -> list[tuple[str, ...]]:
    """The columns that graders read; of alternatives each row has one, which stands under the name of the first."""
    needed = dict.fromkeys(tuple(names) for grader in spec.graders for names in grader.needs())
    return [names for names in needed if names[0] not in COLUMNS[checked.format]]


def _selected(
    source: Source, columns: tuple[str, ...], graded: tuple[tuple[str, ...], ...]
) -> Iterator[dict[str, Any]]:
    """What graders read as text, as they take it: a table holds no column of numbers here and words there."""
    for row in rows_of(source):
        read = {names[0]: next(row.value[n] for n in names if row.value.get(n) is not None) for names in graded}
        yield {name: _plain(row.value[name]) for name in columns} | {name: str(value) for name, value in read.items()}


def _plain(value: Any) -> Any:
    """Of messages only role and content: other keys differ from row to row, which a table cannot hold."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "role" in value[0]:
        return [{"role": message["role"], "content": message["content"]} for message in value]
    return value


def _cut(prompt: Any, most: int, tokenizer: Any) -> Any:
    """The end of a text that is too long; None for a conversation, of which no part can be left out."""
    if isinstance(prompt, list):
        length = len(tokenizer.apply_chat_template(prompt, tokenize=True, return_dict=True)["input_ids"])
        return prompt if length <= most else None
    ids = tokenizer.encode(prompt, add_special_tokens=False)
    return prompt if len(ids) <= most else tokenizer.decode(ids[-most:])
