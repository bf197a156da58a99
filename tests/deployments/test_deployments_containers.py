"""Compose files, manifests and image: what they name is there, they agree, hold no secret and report to nobody."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from prefect.server.schemas.actions import WorkPoolCreate
from prefect.server.utilities import encryption
from prefect.settings import Settings
from prefect.settings.legacy import _get_valid_setting_names
from prefect.utilities.schema_tools.validation import validate

ROOT = Path(__file__).parents[2]
DOCKER, KUBERNETES = ROOT / "deployments" / "docker", ROOT / "deployments" / "kubernetes"
FILES = sorted(path for folder in (DOCKER, KUBERNETES) for path in folder.iterdir() if path.is_file())
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
MANIFESTS = [m for f in sorted(KUBERNETES.glob("*.yaml")) for m in yaml.safe_load_all(f.read_text("utf-8"))]
TEMPLATES = {kind: ROOT / "deployments" / kind / "job-template.json" for kind in ("docker", "kubernetes")}
OURS = f"text2sql-nightly:{tomllib.loads((ROOT / 'pyproject.toml').read_text('utf-8'))['project']['version']}"
QUIET = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_UI_V2_ENABLED": "false"}
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")
SECRET = re.compile(r"PASSWORD|TOKEN|KEY$|AUTH_STRING$|CONNECTION_URL$|REDIS|DOCKET_URL$")
PLACE_OF_A_SECRET = re.compile(r"_SECRET_(NAME|KEY)$")
# Of packages that only the image has, read in the versions of deployments/docker/requirements.txt.
OF_PACKAGES = {
    "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES",
    "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_KEY",
    "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_NAME",
    "PREFECT_REDIS_MESSAGING_URL",
    "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL",
}
READ_BY_ITSELF = set(re.findall(r'"(PREFECT_\w+)"', inspect.getsource(encryption)))  # from the environment only


def unknown_settings(text: str) -> set[str]:
    """What looks like a setting of Prefect in `text` and is none."""
    known = _get_valid_setting_names(Settings) | OF_PACKAGES | READ_BY_ITSELF
    return {name for name in re.findall(r"\bPREFECT_[A-Z0-9_]+[A-Z0-9]\b", text) if name not in known}


def written_secrets(variables: dict[str, Any]) -> set[str]:
    """Names of secrets whose value stands in a file, rather than the name of the variable that holds it."""

    def written(value: str) -> bool:
        value = VARIABLE.sub(lambda found: found[3] if found[2] == "-" else "", value)
        if "://" in value:
            value = urlsplit(value).password or ""
        return bool(value.removeprefix("admin:"))

    secrets = {name: str(value or "") for name, value in variables.items() if SECRET.search(name)}
    return {name for name, value in secrets.items() if written(value) and not PLACE_OF_A_SECRET.search(name)}


def unpinned(image: str) -> bool:
    """Whether an image can be another one tomorrow."""
    name, _, tag = VARIABLE.sub(lambda found: found[3], image).rpartition("/")[2].partition(":")
    return re.match(r"\d+\.\d+" if name == "postgres" else r"\d+\.\d+\.\d+", tag) is None  # it has two numbers only


def env_file(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)  # type: ignore[arg-type]


def named(kind: str, name: str) -> dict[str, Any]:
    return next(m for m in MANIFESTS if (m["kind"], m.get("metadata", {}).get("name")) == (kind, name))


def pods() -> Iterator[dict[str, Any]]:
    yield from (m["spec"]["template"]["spec"] for m in MANIFESTS if m["kind"] in {"Job", "Deployment"})
    template = json.loads(TEMPLATES["kubernetes"].read_text("utf-8"))
    yield template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]


def environments() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every list of variables in the files, with the place it stands in."""
    for file in sorted(DOCKER.glob("compose*.yaml")):
        for name, service in yaml.safe_load(file.read_text("utf-8"))["services"].items():
            yield f"{file.name} {name}", service.get("environment", {})
    for manifest in MANIFESTS:
        if manifest["kind"] == "ConfigMap":
            yield manifest["metadata"]["name"], manifest["data"]
    for kind, path in TEMPLATES.items():
        yield kind, json.loads(path.read_text("utf-8"))["variables"]["properties"]["env"]["default"]
    yield ".env.example", env_file(DOCKER / ".env.example")
    yield "secrets.example.env", env_file(KUBERNETES / "secrets.example.env")
    assignments = re.findall(r"^(?:ENV|ARG|   ) ([A-Z_]+)=(\S*)", (DOCKER / "Dockerfile").read_text("utf-8"), re.M)
    yield "Dockerfile", dict(assignments)


@pytest.mark.parametrize(
    "path",
    [*FILES, ROOT / "prefect.yaml", *(ROOT / "docs").glob("*.md")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_setting_is_one_of_the_installed_prefect(path: Path) -> None:
    assert unknown_settings(path.read_text("utf-8")) == set()


def test_a_misspelt_setting_is_found() -> None:
    text = "PREFECT_API_URL: a\nPREFECT_SERVER_DATABASE_CONECTION_URL: b"
    assert unknown_settings(text) == {"PREFECT_SERVER_DATABASE_CONECTION_URL"}


def test_no_secret_stands_in_a_file() -> None:
    assert {place: found for place, variables in environments() if (found := written_secrets(variables))} == {}
    places = {place for place, variables in environments() if any(SECRET.search(name) for name in variables)}
    assert {"compose.yaml postgres", "compose.yaml worker", ".env.example", "secrets.example.env"} <= places


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTGRES_PASSWORD", "prefect"),
        ("OPENAI_API_KEY", "${OPENAI_API_KEY:-sk-1}"),
        ("PREFECT_API_AUTH_STRING", "admin:admin"),
        ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql+asyncpg://prefect:prefect@postgres/prefect"),
    ],
)
def test_a_secret_in_a_file_is_found(name: str, value: str) -> None:
    assert written_secrets({name: value}) == {name}
    assert written_secrets({name: "${SOME:?see .env.example}"}) == set()


def test_images_are_pinned_and_ours_is_this_version() -> None:
    images = [s["image"] for f in DOCKER.glob("compose*.yaml") for s in services(f).values() if "image" in s]
    images += [container["image"] for pod in pods() for container in pod["containers"]]
    images += [json.loads(p.read_text())["variables"]["properties"]["image"]["default"] for p in TEMPLATES.values()]
    images = [VARIABLE.sub(lambda found: found[3], image) for image in images if image != "{{ image }}"]
    base = re.search(r"^ARG BASE=(\S+)$", (DOCKER / "Dockerfile").read_text("utf-8"), re.M)
    assert base is not None
    assert [image for image in [*images, base[1]] if unpinned(image)] == []
    assert {image for image in images if "text2sql" in image} == {OURS, f"{OURS}-gpu"}
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))
    assert [f"{image['name']}:{image['newTag']}" for image in kustomization["images"]] == [OURS]


def services(file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text("utf-8"))["services"]
    return found


@pytest.mark.parametrize(
    "image", ["redis", "redis:latest", "python:3.11", "postgres:17", "host:5000/redis", "${IMAGE:-ours:latest}"]
)
def test_an_image_that_may_change_is_found(image: str) -> None:
    assert unpinned(image)


def test_every_variable_of_the_compose_files_is_explained_in_the_example_and_none_besides() -> None:
    text = "".join(path.read_text("utf-8") for path in DOCKER.glob("compose*.yaml"))
    used = {name for name, _, _ in VARIABLE.findall(re.sub(r"^\s*#.*", "", text, flags=re.M))}
    assert used == env_file(DOCKER / ".env.example").keys()
    lines = (DOCKER / ".env.example").read_text("utf-8").splitlines()
    assert all(lines[at - 1].startswith("#") for at, line in enumerate(lines) if line and not line.startswith("#"))


def test_servers_in_kubernetes_have_the_settings_of_those_in_compose() -> None:
    compose = SERVICES["api-1"]["environment"]
    assert all(SERVICES[name]["environment"] == compose for name in ("api-2", "services", "migrate"))
    plain, secret = named("ConfigMap", "prefect-server")["data"], env_file(KUBERNETES / "secrets.example.env")
    assert plain.keys() | secret.keys() == compose.keys()
    assert plain.keys() & secret.keys() == set()
    assert {k: v for k, v in plain.items() if k != "PREFECT_SERVER_UI_API_URL"} == {
        k: v for k, v in compose.items() if k in plain and k != "PREFECT_SERVER_UI_API_URL"
    }


@pytest.mark.parametrize(
    ("without", "told"),
    [
        (None, ""),
        ("PREFECT_MESSAGING_BROKER", "requires Redis"),
        ("PREFECT_MESSAGING_CACHE", "requires Redis"),
        ("PREFECT_SERVER_EVENTS_CAUSAL_ORDERING", "requires Redis"),
        ("PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE", "requires Redis"),
        ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "not supported with SQLite"),
    ],
)
def test_prefect_itself_takes_the_settings_for_several_servers(without: str | None, told: str, tmp_path: Path) -> None:
    """By the check that Prefect makes before it starts more than one; it asks neither database nor Redis."""
    settings = {k: VARIABLE.sub("x", v) for k, v in SERVICES["api-1"]["environment"].items() if k != without}
    code = (
        "import sys; from prefect.cli._server_utils import _validate_multi_worker; _validate_multi_worker(2, sys.exit)"
    )
    env = {"PATH": os.environ["PATH"], "PREFECT_HOME": str(tmp_path), **settings}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == bool(told), done.stderr
    assert told in done.stderr


def test_networks_volumes_and_services_that_are_named_are_there() -> None:
    for service in SERVICES.values():
        assert set(service["networks"]) <= COMPOSE["networks"].keys()
        assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= COMPOSE["volumes"].keys()
        assert set(service.get("depends_on", {})) <= SERVICES.keys()


def test_on_a_new_database_one_server_comes_after_the_other() -> None:
    """Two that start at once both register Prefect's block types, and one fails."""
    assert SERVICES["api-1"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert SERVICES["api-2"]["depends_on"] == {"api-1": {"condition": "service_healthy"}}


def test_nothing_that_runs_prefect_reports_to_anybody() -> None:
    dockerfile = (DOCKER / "Dockerfile").read_text("utf-8")
    assert all(f"{name}={value}" in dockerfile for name, value in QUIET.items())
    ours = {name: s for name, s in SERVICES.items() if "text2sql" in s["image"]}
    assert ours.keys() == {"migrate", "api-1", "api-2", "services", "worker"}
    assert [name for name, s in ours.items() if not QUIET.items() <= s["environment"].items()] == []
    assert named("ConfigMap", "prefect-server")["data"].items() >= QUIET.items()


def test_what_is_published_is_for_this_machine_and_the_databases_for_the_servers_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert [SERVICES[name]["networks"] for name in ("postgres", "redis")] == [["data"], ["data"]]
    assert SERVICES["worker"]["networks"] == ["work"]


def test_pods_have_no_rights_they_do_not_need() -> None:
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
    rules = named("Role", "prefect-worker")["rules"]
    assert {verb for rule in rules for verb in [*rule["verbs"], *rule["resources"]]}.isdisjoint({"*", "secrets"})
    assert [m["kind"] for m in MANIFESTS if m["kind"].startswith("Cluster")] == []


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_job_template_is_taken_by_the_server_and_fits_the_deployments(kind: str) -> None:
    template = json.loads(TEMPLATES[kind].read_text("utf-8"))
    WorkPoolCreate(name="local", type=kind, base_job_template=template)  # an unknown placeholder is refused here
    used = set(re.findall(r"{{ (\w+) }}", json.dumps(template["job_configuration"])))
    assert template["variables"]["properties"].keys() == used
    for deployment in yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]:
        values = deployment["work_pool"]["job_variables"]
        assert values.keys() <= used
        validate(values, template["variables"], raise_on_error=True)
    named_in = (DOCKER / "compose.docker-pool.yaml", KUBERNETES / "worker.yaml")
    assert any(str(TEMPLATES[kind].relative_to(ROOT)) in path.read_text("utf-8") for path in named_in)


def test_a_placeholder_without_variable_is_refused() -> None:
    template = json.loads(TEMPLATES["docker"].read_text("utf-8"))
    del template["variables"]["properties"]["networks"]
    with pytest.raises(ValueError, match="networks"):
        WorkPoolCreate(name="local", type="docker", base_job_template=template)


def test_the_image_is_installed_as_make_does() -> None:
    dockerfile, makefile = (DOCKER / "Dockerfile").read_text("utf-8"), (ROOT / "Makefile").read_text("utf-8")
    steps = re.findall(r"bin\)?/pip install -qq (.+)$|\$\(BIN\)/pip install -qq (.+)$", makefile, re.M)
    wanted = [a or b for a, b in steps]
    assert len(wanted) == 3
    assert [step for step in wanted if f"pip install {step}" not in dockerfile] == []


def test_what_the_image_adds_is_exact_and_not_locked_already() -> None:
    def packages(path: Path) -> list[str]:
        return [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]

    added, locked = packages(DOCKER / "requirements.txt"), packages(ROOT / "requirements.lock")
    assert added and all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in added)

    def names(lines: list[str]) -> set[str]:
        return {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines}

    assert names(added) & names(locked) == set()


def test_what_goes_into_the_image_is_there_and_no_secret_is() -> None:
    lines = (DOCKER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*"
    kept = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    assert [path for path in kept if not (ROOT / path).exists()] == []
    assert "**/.env" in patterns[len(kept) :]


def compose_config(*files: str, **changed: str | None) -> subprocess.CompletedProcess[str]:
    if shutil.which("docker") is None:
        pytest.skip("there is no docker command here")
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker has no compose plugin here")
    env = {**env_file(DOCKER / ".env.example"), "POSTGRES_PASSWORD": "a", "REDIS_PASSWORD": "b", "API_PASSWORD": "c"}
    given = {name: value for name, value in {**env, **changed}.items() if value is not None}
    command = ["docker", "compose", "--env-file", os.devnull, *(part for file in files for part in ("-f", file))]
    return subprocess.run(
        [*command, "config", "--format", "json"],
        cwd=DOCKER,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **given},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("override", [(), ("compose.gpu.yaml",), ("compose.docker-pool.yaml",)], ids=str)
def test_docker_reads_the_compose_files(override: tuple[str, ...]) -> None:
    done = compose_config("compose.yaml", *override)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["services"].keys() == SERVICES.keys()


def test_docker_wants_the_passwords() -> None:
    done = compose_config("compose.yaml", POSTGRES_PASSWORD=None)
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD" in done.stderr and "see .env.example" in done.stderr


def test_kubectl_reads_the_kustomization() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("there is no kubectl command here")
    done = subprocess.run(["kubectl", "kustomize", str(KUBERNETES)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    built = {(m["kind"], m["metadata"]["name"]) for m in yaml.safe_load_all(done.stdout)}
    assert built == {(m["kind"], m["metadata"]["name"]) for m in MANIFESTS if m["kind"] != "Kustomization"}
