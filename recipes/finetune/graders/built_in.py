"""Checks of answers in the form `<think>…</think><answer>…</answer>`."""

from __future__ import annotations

import ast
import math
import operator
import re
from dataclasses import dataclass
from typing import Any, Optional

from ..fields import known, object_of, one_of, text

FUNCTIONS = ("format_reward", "count_xml", "expression_accuracy", "numerical_accuracy")
# Longer expressions are no answers.
_LONGEST_EXPRESSION = 200


@dataclass
class Tags:
    think_tag: str = known(text, "think")
    answer_tag: str = known(text, "answer")


@dataclass
class BuiltIn:
    name: str = known(text)
    function_name: str = known(one_of(*FUNCTIONS))
    parameters: Tags = known(object_of(Tags), factory=Tags)

    def needs(self) -> list[list[str]]:
        return [["solution", "answer"]] if self.function_name.endswith("_accuracy") else []

    def grade(self, prompts: list[str], completions: list[str], columns: dict[str, list[Any]]) -> list[float]:
        tags = self.parameters
        if self.function_name == "format_reward":
            return [format_reward(completion, tags) for completion in completions]
        if self.function_name == "count_xml":
            return [count_xml(completion, tags) for completion in completions]
        truths = columns["solution"] if "solution" in columns else columns["answer"]
        is_right = _same_expression if self.function_name == "expression_accuracy" else _same_number
        return [float(is_right(_answer(c, tags), _truth(str(t), tags))) for c, t in zip(completions, truths)]


def format_reward(completion: str, tags: Tags) -> float:
    """0.5 for exactly: tag, line break, text, line break, end of tag; first thinking, then the answer."""
    t, a = re.escape(tags.think_tag), re.escape(tags.answer_tag)
    layout = rf"<{t}>\n.*?\n</{t}>\n<{a}>\n.*?\n</{a}>\n?"
    return 0.5 if re.fullmatch(layout, completion, re.DOTALL) else 0.0


def count_xml(completion: str, tags: Tags) -> float:
    """0.125 for each of the four tags that stands there once on its line, less 0.001 per character after the answer."""
    t, a = tags.think_tag, tags.answer_tag
    marks = (f"<{t}>\n", f"\n</{t}>\n", f"\n<{a}>\n", f"\n</{a}>")
    score = sum(0.125 for mark in marks if completion.count(mark) == 1)
    if completion.count(marks[3]) == 1:
        score -= 0.001 * len(completion.split(marks[3])[1].strip("\n"))
    return score


def _answer(completion: str, tags: Tags) -> str:
    """What stands in the answer tag; without one, the whole."""
    a = re.escape(tags.answer_tag)
    found = re.findall(rf"<{a}>(.*?)</{a}>", completion, re.DOTALL)
    return (found[-1] if found else completion).strip()


def _truth(value: str, tags: Tags) -> str:
    """What stands after `####`, as in GSM8K, or in the answer tag, or all of it."""
    return value.rsplit("####", 1)[1].strip() if "####" in value else _answer(value, tags)


def _same_number(answer: str, truth: str) -> bool:
    a, b = _number(answer), _number(truth)
    return a is not None and b is not None and math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)


def _number(value: str) -> Optional[float]:
    try:
        return float(re.sub(r"[,$%\s]", "", value))
    except ValueError:
        return None


def _same_expression(answer: str, truth: str) -> bool:
    """The same value, or the same text but for spaces and case."""
    a, b = _value(answer), _value(truth)
    if a is not None and b is not None:
        return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)
    return bool(truth) and re.sub(r"\s", "", answer).casefold() == re.sub(r"\s", "", truth).casefold()


_OPERATORS: dict[type, Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def _value(expression: str) -> Optional[float]:
    """Of an expression of numbers, `+ - * / ^` and brackets; nothing else of Python is understood."""
    if len(expression) > _LONGEST_EXPRESSION:
        return None
    try:
        return float(_reckon(ast.parse(expression.replace("^", "**").replace(",", ""), mode="eval").body))
    except (ArithmeticError, ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _reckon(node: ast.AST) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return float(_OPERATORS[type(node.op)](_reckon(node.operand)))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        result = _reckon(node.left) ** _reckon(node.right)  # of floats, so that the highest powers end at once
        if isinstance(result, complex):
            raise ValueError("no real number")
        return result
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return float(_OPERATORS[type(node.op)](_reckon(node.left), _reckon(node.right)))
    raise ValueError("no arithmetic")
