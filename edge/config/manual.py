"""`docs/config.md`, made from the schema: whatever the schema says, the page says.

`python -m edge.config.manual` prints it; a test compares it with the page that is checked in (`make docs` writes it).
"""

from __future__ import annotations

import ast
import inspect
import sys

from edge.config import rules, schema
from edge.config.fields import Field, sections, toml
from edge.config.load import MAX_CONFIG_BYTES, SEARCHED

_HEAD = """# The configuration of a gate

Made by `make docs` from `edge/config/schema.py` and `edge/config/rules.py`; a test keeps it so.

One TOML file, at most {kib} KiB, configures a gate, and nothing else does: no environment variable, no flag. Commands
take it with `--config`; without it they look for {searched}, in this
order. Relative paths start at the folder of the file. `edge-gate check gate.toml` reports every mistake at once, with
its line and a suggestion; a start is `firmware_config/gate.example.toml`.
"""


_TABLE = "| setting | what it may be | default | what it does |\n|---|---|---|---|"


def manual() -> str:
    """The page, as Markdown."""
    prose = _prose()
    searched = ", then ".join(f"`{path}`" for path in SEARCHED)
    parts = [_HEAD.format(kib=MAX_CONFIG_BYTES // 1024, searched=searched)]
    for section in sections().values():
        need = "required" if section.required else "may be left out"
        parts.append(f"## [{section.name}]\n\n{prose[section.kind.__name__]} ({need})\n")
        rows = [
            f"| `{field.name}` | {_cell(field.expects)} | {_default(field)} | "
            f"{_cell(prose.get(f'{section.kind.__name__}.{field.name}', ''))} |"
            for field in section.fields.values()
        ]
        parts.append(
            "| setting | what it may be | default | what it does |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    checks = [f"- {_sentence(rule.__name__)}: {', '.join(map(_code, reads.values()))}" for reads, rule in rules.RULES]
    theory = inspect.cleandoc(rules.__doc__ or "").split("\n\n", 2)[2].replace("Rule ", "- Rule ")
    parts.append(f"## Rules between settings\n\n{theory}\n\nThe checks, and the settings that each reads:\n")
    parts.append("\n".join(checks) + "\n")
    return "\n".join(parts)


def _prose() -> dict[str, str]:
    """Docstrings of classes (`Lane`) and of their fields (`Lane.rest_s`): the text after a field in the source."""
    found: dict[str, str] = {}
    for item in ast.parse(inspect.getsource(schema)).body:
        if not isinstance(item, ast.ClassDef):
            continue
        found[item.name] = _one_line(ast.get_docstring(item) or "")
        for before, after in zip(item.body, item.body[1:], strict=False):
            match before, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[f"{item.name}.{name}"] = _one_line(text)
    return found


def _default(field: Field) -> str:
    if field.required:
        return "**required**"
    return _code(toml("none" if field.default is None else field.default))


def _code(text: str) -> str:
    return f"`{text}`"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _sentence(name: str) -> str:
    return name.strip("_").replace("_", " ")


if __name__ == "__main__":
    sys.stdout.write(manual())
