"""Files for deploying say only what there is: flags of the command, routes, files of the repository."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
from service import Service

from malmoi.cli.commands import app

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FLAGS = {name for argument in app["serve"].assemble_argument_collection() for name in argument.names}
FILES = sorted(path for path in DEPLOY.iterdir() if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_flag_and_route_is_there(path: Path, service: Service) -> None:
    text = path.read_text(encoding="utf-8")
    ours = [line for line in text.splitlines() if re.search(r"\bserve\b[^\]]*(/models|/var)", line)]
    used = {word for line in ours for word in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)}
    assert used <= FLAGS
    for route in set(re.findall(r"/(?:healthz|readyz|metrics)\b", text)):
        assert service.ask("GET", route).status == 200


def test_the_container_is_built_of_what_is_there() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [word for line in lines if line.startswith("COPY") and "--from" not in line for word in line.split()[1:-1]]
    assert copied and all((ROOT / name).exists() for name in copied)
    # What the build reads of the project itself must be among what is copied.
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name in re.findall(r'(?:readme = |license-files = \[)"([^"]+)"', project):
        assert name in copied
    assert any(".[serve" in line for line in lines) and "USER 10001" in lines and any("HEALTHCHECK" in x for x in lines)
    [entry] = [line for line in lines if line.startswith("ENTRYPOINT")]
    [command] = [line for line in lines if line.startswith("CMD")]
    words = [*re.findall(r'"([^"]+)"', entry), *re.findall(r'"([^"]+)"', command)]
    assert words[:2] == ["malmoi", "serve"]
    _, bound, _ = app.parse_args(words[1:], print_error=False, exit_on_error=False)
    assert bound.kwargs["options"].host == "0.0.0.0"


def test_the_unit_and_the_manifest_call_the_command_as_it_is() -> None:
    unit = (DEPLOY / "malmoi.service").read_text(encoding="utf-8")
    [start] = re.findall(r"^ExecStart=\S+ (.+)$", unit, re.M)
    app.parse_args(shlex.split(start), print_error=False, exit_on_error=False)
    manifest = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    [arguments] = re.findall(r"args: \[(.+)\]", manifest)
    app.parse_args([word.strip(' "') for word in arguments.split(",")], print_error=False, exit_on_error=False)
    # What was taken is answered before either kills the process.
    grace = int(re.findall(r"terminationGracePeriodSeconds: (\d+)", manifest)[0])
    assert min(grace, int(re.findall(r"TimeoutStopSec=(\d+)", unit)[0])) > 60


def test_the_configuration_of_ray_names_what_there_is() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    pytest.importorskip("ray.serve", reason="ray[serve] is not installed", exc_type=ImportError)
    [application] = yaml.safe_load((DEPLOY / "ray_serve.yaml").read_text(encoding="utf-8"))["applications"]
    module, name = application["import_path"].split(":")
    assert getattr(import_module(module), name)(application["args"]) is not None
