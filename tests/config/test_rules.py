"""What must hold between settings: each rule is broken once, and kept at its edge."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import rules
from edge.config.fields import sections
from edge.config.load import check
from tests.config.texts import DESK, KEY, LANE, OWN_KEY, with_setting

HERE = Path("/etc/edge-gate")


def keys(text: str) -> list[str]:
    return [mistake.key for mistake in check(text, HERE)[1]]


def changed(text: str, **settings: str) -> str:
    for key, value in settings.items():
        text = with_setting(text, key.replace("__", "."), value)
    return text


BROKEN = {
    "face only": (changed(DESK, cards__kind='"none"'), "cards.kind"),
    "no intent": (changed(DESK, pins__presence='"none"'), "pins.presence"),
    "sim camera": (changed(LANE, camera__kind='"sim"'), "camera.kind"),
    "folder camera": (changed(LANE, camera__kind='"folder"', camera__device='"x"'), "camera.kind"),
    "video camera": (changed(LANE, camera__kind='"video"', camera__device='"x"'), "camera.kind"),
    "sim pins": (changed(LANE, pins__kind='"sim"'), "pins.kind"),
    "sim cards": (changed(LANE, cards__kind='"sim"'), "cards.kind"),
    "sim pad": (changed(LANE, recognition__pad='"simulated"'), "recognition.pad"),
    "published key": (changed(LANE, site__issuers=f'["{OWN_KEY}", "{KEY}"]'), "site.issuers"),
    "key twice": (changed(DESK, site__issuers=f'["{KEY}", "{KEY}"]'), "site.issuers"),
    "pin twice": (changed(DESK, pins__relay="22"), "pins.presence"),
    "lamp on the relay": (changed(DESK, pins__lamp_red="17"), "pins.lamp_red"),
    "relay pulled up": (changed(LANE, pins__relay="8"), "pins.relay"),
    "relay pulled up on a Pi 5": (changed(LANE, pins__relay="0", pins__chip='"pinctrl-rp1"'), "pins.relay"),
    "relay beyond the header": (changed(LANE, pins__relay="28"), "pins.relay"),
    "active low, pulled down": (changed(LANE, pins__relay_active_high="false"), "pins.relay_active_high"),
    "no chip": (changed(LANE, pins__chip='""'), "pins.chip"),
    "window over attempt": (changed(DESK, lane__window_s="6.1"), "lane.window_s"),
    "old sightings": (changed(DESK, lane__sighting_age_max_s="2.1"), "lane.sighting_age_max_s"),
    "too few probes": (changed(DESK, lane__probes_max="2"), "lane.probes_max"),
    "too few frames": (changed(DESK, camera__fps="1"), "lane.agreeing"),
    "pulse over passage": (changed(DESK, lane__passage_max_s="5"), "lane.release_s"),
    "zone without width": (changed(DESK, camera__zone="[0.5, 0.0, 0.5, 1.0]"), "camera.zone"),
    "zone upside down": (changed(DESK, camera__zone="[0.1, 1.0, 0.9, 0.0]"), "camera.zone"),
    "giant faces": (changed(DESK, recognition__face_min_px="480"), "recognition.face_min_px"),
    "no device": (changed(LANE, camera__device='""'), "camera.device"),
    "no folder": (changed(DESK, camera__kind='"folder"', camera__device='""'), "camera.device"),
    "an address": (changed(LANE, camera__device='"rtsp://camera/"'), "camera.device"),
    "sockets in the vault": (changed(DESK, paths__runtime='"state/run"'), "paths.runtime"),
    "vault in the sockets": (changed(DESK, paths__state='"run/state"'), "paths.runtime"),
    "one folder": (changed(DESK, paths__runtime='"x/../state"'), "paths.runtime"),
    "long runtime": (changed(DESK, paths__runtime='"/' + "r" * 90 + '"'), "paths.runtime"),
    "broker without authority": (
        changed(DESK, broker__host='"b"', broker__certificate='"c.pem"', broker__key='"k.pem"'),
        "broker.authority",
    ),
    "broker without certificate": (
        changed(DESK, broker__host='"b"', broker__authority='"a.pem"', broker__key='"k.pem"'),
        "broker.certificate",
    ),
    "broker without key": (
        changed(DESK, broker__host='"b"', broker__authority='"a.pem"', broker__certificate='"c.pem"'),
        "broker.key",
    ),
    "files without broker": (changed(DESK, broker__authority='"a.pem"'), "broker.host"),
    "state in memory": (changed(LANE, paths__state='"/run/edge-state"'), "paths.state"),
    "state in tmp": (changed(LANE, paths__state='"/tmp/state"'), "paths.state"),
    "sockets beside everybody": (changed(LANE, paths__runtime='"/tmp/run"'), "paths.runtime"),
}
KEPT = {
    "typed cards": changed(DESK, cards__kind='"line"'),
    "a button is enough": changed(DESK, pins__presence='"none"', pins__button="5"),
    "a desk may pretend": changed(DESK, recognition__pad='"simulated"', camera__kind='"video"', camera__device='"x"'),
    "example key at a desk": changed(DESK, site__issuers=f'["{KEY}"]'),
    "relay at the edge": changed(LANE, pins__relay="9"),
    "relay at the other edge": changed(LANE, pins__relay="27"),
    "active low, pulled up": changed(LANE, pins__relay="4", pins__relay_active_high="false"),
    "another board": changed(LANE, pins__relay="300", pins__chip='"tegra234-gpio"'),
    "window as long as the attempt": changed(DESK, lane__window_s="6"),
    "as many probes as agree": changed(DESK, lane__probes_max="3"),
    "just enough frames": changed(DESK, camera__fps="2", lane__window_s="1.5"),
    "pulse just below the passage": changed(DESK, lane__passage_max_s="5.1"),
    "a device by path": changed(LANE, camera__device='"/dev/v4l/by-id/usb-cam-video-index0"'),
    "a broker with both certificates": changed(
        DESK, broker__host='"b"', broker__authority='"a.pem"', broker__certificate='"c.pem"', broker__key='"k.pem"'
    ),
    "longest runtime": changed(DESK, paths__runtime='"/' + "r" * 88 + '"'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_found_at_its_setting_and_nowhere_else(name: str) -> None:
    text, key = BROKEN[name]
    assert keys(text) == [key]


@pytest.mark.parametrize("name", KEPT)
def test_a_rule_is_kept_up_to_its_edge(name: str) -> None:
    assert keys(KEPT[name]) == []


def test_every_rule_is_broken_by_one_of_these_files(monkeypatch: pytest.MonkeyPatch) -> None:
    all_rules = list(rules.RULES)
    for index, (_, rule) in enumerate(all_rules):
        without = all_rules[:index] + all_rules[index + 1 :]
        monkeypatch.setattr(rules, "RULES", without)
        assert any(keys(text) != [key] for text, key in BROKEN.values()), f"{rule.__name__} may go, and nothing fails"


def test_rules_name_settings_that_exist() -> None:
    known = {field.key for section in sections().values() for field in section.fields.values()}
    assert {key for reads, _ in rules.RULES for key in reads.values()} <= known


def test_a_rule_is_checked_whatever_else_is_wrong() -> None:
    text = changed(DESK, cards__kind='"none"', camera__fps='"x"', pins__relay="22") + "\n[nonsense]\n"
    assert keys(text) == ["camera.fps", "pins.presence", "cards.kind", "nonsense"]


def test_the_face_only_refusal_gives_the_reason_in_law() -> None:
    mistake = check(changed(DESK, cards__kind='"none"'), HERE)[1][0]
    assert "law" in mistake.suggestion
    assert "art. 10" in mistake.suggestion


def test_a_commissioned_desk_has_one_finding_for_each_simulated_part() -> None:
    assert keys(changed(DESK, gate__commissioned="true", recognition__pad='"simulated"')) == [
        "site.issuers",
        "camera.kind",
        "pins.kind",
        "cards.kind",
        "recognition.pad",
    ]
