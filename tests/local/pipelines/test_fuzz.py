"""Whatever a file holds, it becomes a plan or a `BadInput`, and soon."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.errors import BadInput
from isthmus.local.pipelines.compiler import compile_pipeline
from isthmus.local.pipelines.expressions import Failed, Scope, evaluate_text
from isthmus.local.pipelines.folders import FolderSources
from isthmus.local.pipelines.host import Request
from isthmus.local.pipelines.logging_commands import parse
from isthmus.local.pipelines.rendering import final_yaml
from isthmus.local.pipelines.store import expand_macros

ENOUGH = settings(max_examples=120, suppress_health_check=list(HealthCheck))
SECONDS = 10.0

EXPRESSIONS = st.sampled_from(
    [
        "parameters.p",
        "variables['Build.Reason']",
        "eq(1, '1')",
        "convertToJson(parameters)",
        "split('a,b', ',')",
        "format('{0}{', 1)",
        "iif(true, parameters.list, variables)",
        "parameters.list.*",
        "counter('x', 1)",
        "1.2.3.4",
        "nope(",
        "not(parameters.nope)",
        "coalesce('', null, parameters.map)",
        "substring('abc', -1)",
        "length(parameters.map)",
        "gt('x', 1)",
        "dependencies.a.outputs['x.y']",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "true", "0x1F", "-1", "1e999", "$(x)", "$[ variables.a ]", "none", "self", "a.b"]),
    EXPRESSIONS.map("${{{{ {} }}}}".format),
    EXPRESSIONS.map("x ${{{{ {} }}}} y".format),
    EXPRESSIONS.map("$[ {} ]".format),
    EXPRESSIONS,
)
WORDS = """
    steps jobs stages extends template parameters variables resources repositories repository pool script bash
    task inputs checkout publish download job deployment stage environment strategy matrix parallel runOnce
    canary rolling increments deploy on failure condition dependsOn env name value type default values group
    trigger container target displayName timeoutInMinutes continueOnError enabled
"""
KEYS = st.one_of(
    st.sampled_from(WORDS.split()),
    EXPRESSIONS.map("${{{{ if {} }}}}".format),
    st.sampled_from(
        ["${{ else }}", "${{ insert }}", "${{ each x in parameters.list }}", "${{ each }}", "${{"]
    ),
    st.text(max_size=6),
)
TREES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)
HEAD = [
    {"name": "p", "type": "string", "default": "a"},
    {"name": "list", "type": "object", "default": ["a", {"b": "c"}]},
    {"name": "map", "type": "object", "default": {"a": "1"}},
]
PARTS = ("steps", "jobs", "stages", "variables", "resources", "extends", "strategy")
FILES = st.fixed_dictionaries({"parameters": st.just(HEAD) | TREES}, optional=dict.fromkeys(PARTS, TREES))
STEP = st.builds(
    lambda kind, text, more: {kind: text, **more},
    st.sampled_from(["script", "bash", "task", "checkout", "template"]),
    TEXTS,
    st.dictionaries(KEYS, TREES, max_size=2),
)
JOB = st.builds(
    lambda kind, name, steps, more: {kind: name, "steps": steps, **more},
    st.sampled_from(["job", "deployment"]),
    st.sampled_from(["a", "b", "C"]),
    st.lists(STEP, max_size=3),
    st.dictionaries(KEYS, TREES, max_size=2),
)
SHAPED = st.fixed_dictionaries({"parameters": st.just(HEAD), "jobs": st.lists(JOB, min_size=1, max_size=3)})


def compiled(text: str, **others: str) -> str:
    """What a file's plan looks like; `BadInput` as text."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {"pipeline": text, **others}.items():
            (Path(folder) / f"{name}.yml").write_text(content, encoding="utf-8")
        try:
            plan = compile_pipeline("pipeline.yml", FolderSources({"self": Path(folder)}), Request())
            return final_yaml(plan)
        except BadInput as error:
            return str(error)


@ENOUGH
@given(FILES | SHAPED)
def test_a_random_tree(tree: Any) -> None:
    assert compiled(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))


@ENOUGH
@given(st.text(alphabet="-:{}[]${}'\"|>&*!%#@, \n\tabif09.", max_size=80))
def test_random_text(text: str) -> None:
    assert compiled(text)


@ENOUGH
@given(st.text(alphabet="abpe('.[*]),0x-+ \"!=\\", max_size=40) | EXPRESSIONS)
def test_a_random_expression(text: str) -> None:
    try:
        evaluate_text(text, Scope({"a": {"b": "1"}, "p": ["x"]}))
    except Failed as error:
        assert str(error)


@ENOUGH
@given(st.text(max_size=60), st.text(max_size=60))
def test_a_random_line_of_a_step(name: str, rest: str) -> None:
    parse(f"##vso[{name}]{rest}")
    assert expand_macros(rest, {}) == rest


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "../../../etc/passwd", "/", ".", "@", "@@", "a@b@c"])
def test_a_name_that_no_file_has(name: str) -> None:
    assert "root:" not in compiled(yaml.safe_dump({"steps": [{"template": name}]}))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_bytes(b"steps:\n- script: \xff\xfe\n")
    with pytest.raises(BadInput, match="not text in UTF-8"):
        compile_pipeline("p.yml", FolderSources({"self": tmp_path}), Request())


BOMBS = {
    "deep-list": "steps: " + "[" * 3000,
    "deep-closed-list": "steps: " + "[" * 900 + "]" * 900,
    "deep-mapping": "steps:\n" + "".join("  " * depth + "- a:\n" for depth in range(1, 400)),
    "aliases": "a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nsteps: *c\n",
    "deep-expression": "steps:\n- script: ${{ " + "not(" * 4000 + "1" + ")" * 4000 + " }}\n",
    "many-brackets": "steps:\n- script: ${{ a" + "['b']" * 5000 + " }}\n",
    "doubled-text": "variables:\n  v0: '" + "x" * 100 + "'\n"
    + "".join(f"  v{n}: ${{{{ format('{{0}}{{0}}', variables.v{n - 1}) }}}}\n" for n in range(1, 60))
    + "steps:\n- script: ${{ variables.v59 }}\n",
    "joined-text": "variables:\n  v0: '" + "x" * 1000 + "'\n"
    + "".join(f"  v{n}: ${{{{ replace(variables.v{n - 1}, 'x', variables.v0) }}}}\n" for n in range(1, 6))
    + "steps:\n- script: ${{ variables.v5 }}\n",
    "nested-loops": "parameters: [{name: l, type: object, default: [" + "a," * 30 + "]}]\nsteps:\n"
    + "".join("  " * depth + f"- ${{{{ each x{depth} in parameters.l }}}}:\n" for depth in range(12))
    + "  " * 12 + "- script: x\n",
    "huge-number": "steps:\n- script: x\n  timeoutInMinutes: " + "9" * 5000 + "\n",
    "many-steps": "steps:\n" + "- script: x\n" * 3000,
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_not_go_off(name: str) -> None:
    begun = time.monotonic()
    assert compiled(BOMBS[name])
    assert time.monotonic() - begun < SECONDS


def test_templates_that_double_end_soon() -> None:
    chain = {f"t{n}": f"steps:\n- template: t{n + 1}.yml\n- template: t{n + 1}.yml\n" for n in range(50)}
    begun = time.monotonic()
    said = compiled("steps:\n- template: t0.yml\n", **chain, t50="steps:\n- script: x\n")
    assert "templates and no more" in said
    assert time.monotonic() - begun < SECONDS
