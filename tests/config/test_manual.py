"""The page about the configuration says what the schema says."""

from __future__ import annotations

from edge.config import manual, rules
from edge.config.fields import sections


def test_every_setting_and_every_rule_is_on_the_page() -> None:
    settings = manual.settings()
    for section in sections().values():
        assert f"## [{section.name}]" in settings
        for field in section.fields.values():
            row = next(line for line in settings.splitlines() if line.startswith(f"| `{field.name}` |"))
            assert row.count("|") == 5
            assert row.split("|")[4].strip(), f"{field.key} is not explained"
    assert manual.checks().count("\n- ") >= len(rules.RULES)
