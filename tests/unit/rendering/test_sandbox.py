"""A template is YAML first: its texts are rendered, and what is put in is never structure."""

from __future__ import annotations

from typing import Any

import pytest

from bailiwick.rendering.sandbox import TemplateError, render

LABELS = {"team": "payments", "app.kubernetes.io/part-of": "shop", "items": "many"}


def rendered(text: str, **values: Any) -> Any:
    return render(text, "shop", LABELS, values)


def failure(text: str, **values: Any) -> str:
    with pytest.raises(TemplateError) as raised:
        rendered(text, **values)
    return str(raised.value)


@pytest.mark.parametrize(
    "leaf, given",
    [
        ("{{ namespace.name }}", "shop"),
        ("{{ namespace.labels.team }}-shared", "payments-shared"),
        ("{{ namespace.labels['app.kubernetes.io/part-of'] }}", "shop"),
        ("{{ namespace.labels.owner | default('nobody') }}", "nobody"),
        ("{{ with.port }}", 8080),
        ("{{ with.port }}/UDP", "8080/UDP"),
        ("{{ with.labels }}", {"app": "prometheus"}),
        ("{{ with.nothing | default([]) }}", []),
        ("{% if namespace.labels.team == 'payments' %}pci{% else %}web{% endif %}", "pci"),
        ("{% for port in with.ports %}{{ port }},{% endfor %}", "1,2,"),
        ("plain", "plain"),
    ],
)
def test_a_text_sees_the_namespace_and_the_values(leaf: str, given: object) -> None:
    values = {"port": 8080, "labels": {"app": "prometheus"}, "ports": [1, 2]}
    assert rendered(f'at: "{leaf}"', **values) == {"at": given}


def test_only_texts_are_rendered_not_keys() -> None:
    assert rendered('"{{ with.a }}": [true, 1, null]') == {"{{ with.a }}": [True, 1, None]}


@pytest.mark.parametrize(
    "value",
    [
        "a\nto: {workload: {}}",
        "], to: {workload: {}}, x: [",
        "{{ namespace.name }}",
        "[1, 2]",
        "8080",
    ],
)
def test_a_value_that_is_put_in_stays_a_text(value: str) -> None:
    assert rendered('from: {namespace: "{{ with.it }}"}', it=value) == {
        "from": {"namespace": value}
    }
    assert rendered('from: "x{{ with.it }}"', it=value) == {"from": f"x{value}"}


def test_what_a_mapping_holds_comes_before_its_methods() -> None:
    assert rendered("a: '{{ namespace.labels.items }}, {{ with.values }}'", values="v") == {
        "a": "many, v"
    }


@pytest.mark.parametrize(
    "text, said",
    [
        ('a: {b: ["{{ with.port }}"]}', 'a.b[0]: the allowance has no "port" under with'),
        ('a: "x{{ with.port }}"', 'the allowance has no "port" under with'),
        ('a: "{{ with.port.name }}"', 'the allowance has no "port" under with'),
        ('a: "{{ namespace.labels.owner }}"', 'the namespace has no label "owner"'),
        ('a: "{{ namespace.uid }}"', 'a mapping has no "uid"'),
        ('a: "{{ cluster }}"', 'there is no "cluster": a template sees namespace.name'),
        ('a: "{{ lipsum() }}"', 'there is no "lipsum"'),
        ('a: "{{ [1, 2] | random }}"', "No filter named 'random'"),
        ('a: "x{{ with.map }}"', "a mapping cannot stand in a text"),
        ('a: "x{{ none }}"', "null cannot stand in a text"),
        ('a: "{{ with.map.keys }}"', "which no rule can hold"),
        ('a: "{{ with.port"', "unexpected end of template"),
        ('a: "{{ 1 / 0 }}"', "a: division by zero"),
        ("a: \"{% include '/etc/passwd' %}\"", "no loader"),
        ("a: {{ with.port }}", "it is not YAML: found unhashable key in line 1"),
        ("a: [{{ with.port }}]", "a text with {{ or {% stands in quotation marks"),
        ("a: [", "it is not YAML"),
        ("a: 2027-03-01", "a: YAML reads 2027-03-01 as a date: quote it"),
        ("80: a", "the key 80 is no text: quote it"),
        ("a: !!python/object/apply:os.getcwd []", "it is not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, said: str) -> None:
    assert said in failure(text, map={"a": "b"})


@pytest.mark.parametrize(
    "expression",
    [
        "with.__class__.__mro__",
        "''.__class__",
        "('' | attr('__class__')).__mro__",
        "'{0.__class__}'.format(with)",
        "with.update({'port': 1})",
        "namespace.labels.clear()",
        "self.__init__.__globals__",
        "range.__self__",
        "range(1000000)",
    ],
)
def test_nothing_leads_out_of_the_sandbox(expression: str) -> None:
    assert failure(f'a: "x{{{{ {expression} }}}}"')


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\n"
        "d: [*c,*c,*c,*c,*c,*c,*c]",
        "a: &a [*a]",
        "a: &a {b: *a}",
        "[" * 300 + "]" * 300,
        "- x\n" * 2001,
    ],
    ids=["bomb", "circle", "circle of mappings", "depth", "length"],
)
def test_a_document_has_bounds_aliases_counted_as_they_are_used(text: str) -> None:
    message = failure(text)
    assert "parts or" in message or "nested too deeply" in message


def test_a_value_has_bounds_too() -> None:
    deep: list[Any] = []
    for _ in range(30):
        deep = [deep]
    assert "levels" in failure('a: "{{ with.deep }}"', deep=deep)


def test_equal_input_gives_equal_output_whatever_the_order() -> None:
    text = 'a: "{% for key in namespace.labels | sort %}{{ key }};{% endfor %}"'
    backwards = dict(reversed(LABELS.items()))
    assert render(text, "shop", LABELS, {}) == render(text, "shop", backwards, {})
