"""The image, the compose files, the units and the chart know Dueline as it is."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from config.settings_reference import SECRETS, settings
from webhooks.cli import main
from webhooks.monitoring import PATHS

ROOT = Path(__file__).parent.parent
OPERATIONS = ROOT / "docs/operations"
CHART = OPERATIONS / "helm/dueline"
COMPOSE = [ROOT / "compose.yaml", OPERATIONS / "compose.several.yaml"]
UNITS = sorted(OPERATIONS.glob("*.service"))
DEPLOYING = [ROOT / "Dockerfile", *COMPOSE, *UNITS, *sorted(CHART.rglob("*.*"))]
KNOWN = {variable.name for setting in settings() for variable in setting.variables}


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def document(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path)


@pytest.mark.parametrize("path", DEPLOYING, ids=lambda path: str(path.name))
def test_every_setting_is_one(path: Path) -> None:
    named = set(re.findall(r"DUELINE_[A-Z_]+[A-Z]", text(path)))
    assert named - KNOWN - {f"{name}_FILE" for name in SECRETS} <= {"DUELINE_ENV_FILE"}


# --- the image --------------------------------------------------------------------------------


def copied() -> list[str]:
    """What the image is built of."""
    lines = re.findall(r"^COPY (?!--)(.*) \S+$", text(ROOT / "Dockerfile"), re.MULTILINE)
    return [name for line in lines for name in line.split()]


def test_the_image_is_made_of_every_package_and_of_nothing_that_is_kept_from_it() -> None:
    wheel = tomllib.loads(text(ROOT / "pyproject.toml"))["tool"]["hatch"]["build"]["targets"]
    assert set(wheel["wheel"]["packages"]) <= set(copied())
    let_in = {line[1:] for line in text(ROOT / ".dockerignore").splitlines() if line[0] == "!"}
    assert set(copied()) == let_in
    assert all((ROOT / name).exists() for name in copied())


def test_what_the_image_may_hold_besides_is_locked_beside_the_same_versions() -> None:
    extras = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]["optional-dependencies"]
    pinned = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)
    usual = set(pinned.findall(text(ROOT / "requirements.lock")))
    for lock in ROOT.glob("requirements-*.lock"):
        if lock.name == "requirements-dev.lock":
            continue
        found = set(pinned.findall(text(lock)))
        assert lock.name in copied()
        assert usual <= found
        wanted = extras[lock.stem.removeprefix("requirements-")]
        assert {re.split(r"[<>=]", each)[0] for each in wanted} <= dict(found).keys()


def test_the_image_runs_as_nobody_who_owns_its_files() -> None:
    lines = text(ROOT / "Dockerfile").splitlines()
    assert "USER 10001:10001" in lines
    assert [line for line in lines if line.startswith(("ADD", "ENV DUELINE_JIRA"))] == []
    assert "healthz" in text(ROOT / "Dockerfile")


# --- compose ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: str(path.name))
def test_each_service_of_ours_may_do_as_little_as_it_can(path: Path) -> None:
    services = document(path)["services"]
    ours = {name: each for name, each in services.items() if each["image"] == "dueline"}
    assert ours
    for name, each in ours.items():
        assert each["read_only"] is True, name
        assert each["cap_drop"] == ["ALL"]
        assert each["security_opt"] == ["no-new-privileges:true"]
        assert each.get("command", ["serve"])[0] in main.commands
        files = {value for key, value in each["environment"].items() if key.endswith("_FILE")}
        assert files == {f"/run/secrets/{secret}" for secret in each["secrets"]}
        # What `dueline init` wrote of where to listen is meant for the machine.
        assert each["env_file"] == "dueline.env"
        assert each["environment"]["DUELINE_HOST"] == "0.0.0.0"  # noqa: S104 - in its network


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: str(path.name))
def test_every_secret_is_a_file_and_nothing_secret_is_written_down(path: Path) -> None:
    found = document(path)
    used = {secret for each in found["services"].values() for secret in each.get("secrets", ())}
    assert used == found["secrets"].keys()
    for each in found["services"].values():
        assert not each.get("environment", {}).keys() & SECRETS


# --- systemd ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", UNITS, ids=lambda path: str(path.name))
def test_each_unit_is_hardened_and_starts_a_command(path: Path) -> None:
    lines = text(path).splitlines()
    (start,) = (line for line in lines if line.startswith("ExecStart="))
    assert start.split()[-1] in main.commands
    for wanted in (
        "NoNewPrivileges=yes", "ProtectSystem=strict", "DynamicUser=yes", "CapabilityBoundingSet=",
        "KillMode=mixed",
    ):  # fmt: skip
        assert wanted in lines
    loaded = dict(re.findall(r"^LoadCredential=(\w+):(.*)$", text(path), re.MULTILINE))
    assert set(re.findall(r"_FILE=%d/(\w+)$", text(path), re.MULTILINE)) == loaded.keys()


# --- Helm -------------------------------------------------------------------------------------


def value_at(values: Any, path: str) -> bool:
    for name in path.split("."):
        if not isinstance(values, dict) or name not in values:
            return False
        values = values[name]
    return True


def test_the_chart_asks_for_no_value_that_it_does_not_have() -> None:
    values = document(CHART / "values.yaml")
    asked = {
        path
        for template in (CHART / "templates").iterdir()
        for path in re.findall(r"\.Values\.([A-Za-z_.]*[A-Za-z_])", text(template))
    }
    assert asked
    assert {path for path in asked if not value_at(values, path)} == set()
    schema = json.loads(text(CHART / "values.schema.json"))
    Draft7Validator.check_schema(schema)
    wrong = [list(error.path) for error in Draft7Validator(schema).iter_errors(values)]
    assert wrong == [["settings", "DUELINE_JIRA_URL"]]
    assert values["secret"]["keys"].keys() <= SECRETS


def test_the_chart_starts_commands_and_asks_what_answers() -> None:
    pod, parts = text(CHART / "templates/_helpers.tpl"), text(CHART / "templates/deployments.yaml")
    arguments = re.findall(r'"arguments" \(list "([a-z]+)"', parts)
    assert set(arguments) == {"serve", "worker"} <= main.commands.keys()
    assert set(re.findall(r"httpGet: \{path: (\S+),", pod)) <= PATHS
    for wanted in ("readOnlyRootFilesystem: true", "runAsNonRoot: true", "drop: [ALL]"):
        assert wanted in pod
    version = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]["version"]
    assert document(CHART / "Chart.yaml")["appVersion"] == version
