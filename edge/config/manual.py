"""The generated parts of `docs/config.md`, made from the schema: whatever the schema says, the page says."""

from __future__ import annotations

import ast
import inspect

from edge.config import rules, schema
from edge.config.fields import Field, sections, toml

_TABLE = "| setting | what it may be | default | what it does |\n|---|---|---|---|"


def settings() -> str:
    """One table a section, as Markdown."""
    prose = _prose()
    parts = []
    for section in sections().values():
        need = "required" if section.required else "may be left out"
        parts.append(f"## [{section.name}]\n\n{prose[section.kind.__name__]} ({need})\n")
        rows = [
            f"| `{field.name}` | {_cell(field.expects)} | {_default(field)} | "
            f"{_cell(prose.get(f'{section.kind.__name__}.{field.name}', ''))} |"
            for field in section.fields.values()
        ]
        parts.append("\n".join([_TABLE, *rows, ""]))
    return "\n".join(parts)


def checks() -> str:
    """The theory of the rules between settings, and each check with the settings that it reads."""
    theory = inspect.cleandoc(rules.__doc__ or "").split("\n\n", 2)[2].replace("Rule ", "- Rule ")
    listed = [f"- {_sentence(rule.__name__)}: {', '.join(map(_code, reads.values()))}" for reads, rule in rules.RULES]
    return f"{theory}\n\nThe checks, and the settings that each reads:\n\n" + "\n".join(listed) + "\n"


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
