"""A template, from its text to the value that it gives.

The text is YAML, read first. Then each text in it is rendered by Jinja2, so that what is put in
can never become structure. A text that is one expression and nothing else, `"{{ with.labels }}"`,
becomes the value of that expression, which may be a mapping that stands under `with`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, TypeAlias

import jinja2
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

Variables: TypeAlias = Mapping[str, Any]
Compiled: TypeAlias = Callable[[Variables], Any]

PARTS_LIMIT = 2000
DEPTH_LIMIT = 20

_PLAIN = (str, bool, int, float, type(None))
_NAMES = {list: "a list", tuple: "a list", dict: "a mapping", bool: "true or false"}


class TemplateError(Exception):
    """A template that gives nothing; the message says where and why."""


class Values(dict[str, Any]):
    """What stands under `with`."""


class Labels(dict[str, Any]):
    """The labels of a namespace."""


def render(text: str, name: str, labels: Mapping[str, str], values: Mapping[str, Any]) -> Any:
    """Render a template for the namespace of this name and these labels; `values` is `with`.

    Returns plain JSON values. Raises TemplateError.
    """
    namespace = {"name": name, "labels": Labels(labels)}
    return _compile(text)({"namespace": namespace, "with": Values(values)})


@lru_cache(maxsize=64)
def _compile(text: str) -> Compiled:
    try:
        # The loader in C overflows its stack on a text that is nested deeply enough.
        document = yaml.load(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        hint = "; a text with {{ or {% stands in quotation marks" if "{" in text else ""
        raise TemplateError(f"it is not YAML: {_yaml_words(error)}{hint}") from None
    except RecursionError:
        raise TemplateError("it is nested too deeply") from None
    return _part(document, "", iter(range(PARTS_LIMIT)), DEPTH_LIMIT)


def _part(value: Any, path: str, parts: Iterator[int], depth: int) -> Compiled:
    """Compile what stands at `path`. Aliases count as often as they stand somewhere."""
    if next(parts, None) is None or depth == 0:
        raise TemplateError(
            f"it has more than {PARTS_LIMIT} parts or {DEPTH_LIMIT} levels, aliases counted as "
            "often as they are used: write less"
        )
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, list):
        items = [_part(v, f"{path}[{i}]", parts, depth - 1) for i, v in enumerate(value)]
        return lambda variables: [item(variables) for item in items]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TemplateError(f"{path or 'at the top'}: the key {key!r} is no text: quote it")
        fields = {
            k: _part(v, f"{path}.{k}" if path else k, parts, depth - 1) for k, v in value.items()
        }
        return lambda variables: {key: field(variables) for key, field in fields.items()}
    if isinstance(value, _PLAIN):
        return lambda _: value
    raise TemplateError(f"{path}: YAML reads {value} as a {type(value).__name__}: quote it")


def _text(text: str, path: str) -> Compiled:
    if "{" not in text:
        return lambda _: text
    try:
        produce = _expression(text) or _ENVIRONMENT.from_string(text).render
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{path}: {error.message}") from None

    def rendered(variables: Variables) -> Any:
        try:
            return _plain(produce(variables))
        except TemplateError as error:
            raise TemplateError(f"{path}: {error}") from None
        except (MemoryError, RecursionError):
            raise
        except Exception as error:
            # Whatever a template does wrong is told to its author.
            raise TemplateError(f"{path}: {str(error) or type(error).__name__}") from None

    return rendered


def _expression(text: str) -> Compiled | None:
    """Compile a text that is one expression and nothing else; None where it is not."""
    stripped = text.strip()
    if not (stripped.startswith("{{") and stripped.endswith("}}")):
        return None
    try:
        return _ENVIRONMENT.compile_expression(stripped[2:-2], undefined_to_none=False)
    except jinja2.TemplateSyntaxError:
        return None


def _plain(value: Any, depth: int = DEPTH_LIMIT) -> Any:
    """Return a value as JSON has it."""
    if depth == 0:
        raise TemplateError(f"it gives more than {DEPTH_LIMIT} levels")
    if isinstance(value, jinja2.Undefined):
        raise TemplateError(value._undefined_message)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {str(key): _plain(item, depth - 1) for key, item in value.items()}
    raise TemplateError(f"it gives {_named(value)}, which no rule can hold")


def _in_text(value: Any) -> Any:
    """Return what may stand in the middle of a text."""
    if isinstance(value, jinja2.Undefined):
        raise TemplateError(value._undefined_message)
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value
    raise TemplateError(
        f"{_named(value)} cannot stand in a text: only texts and numbers can; where it is to be "
        'the whole value, write nothing else: "{{ with.labels }}"'
    )


def _named(value: Any) -> str:
    if value is None:
        return "null"
    return _NAMES.get(type(value), f"a {type(value).__name__}")


class _Undefined(jinja2.StrictUndefined):
    """Says what is not there in the words of who writes templates and profiles."""

    @property
    def _undefined_message(self) -> str:
        name, inside = self._undefined_name, self._undefined_obj
        if isinstance(inside, Values):
            return f'the allowance has no "{name}" under with, and the template no default for it'
        if isinstance(inside, Labels):
            return f'the namespace has no label "{name}", and the template no default for it'
        if inside is not jinja2.utils.missing:
            return f'{_named(inside)} has no "{name}"'
        return (
            f'there is no "{name}": a template sees namespace.name, namespace.labels and what the '
            "allowance has under with"
        )


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, without anything whose value differs from one process to another."""

    def __init__(self) -> None:
        super().__init__(undefined=_Undefined, finalize=_in_text, keep_trailing_newline=True)
        self.globals = {"range": self.globals["range"]}
        del self.filters["random"]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Prefer what a mapping holds to its methods, so that `with.values` is what it seems."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


def _yaml_words(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"{error.problem} in line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(islice(str(error).split(), 30))


_ENVIRONMENT = _Environment()
