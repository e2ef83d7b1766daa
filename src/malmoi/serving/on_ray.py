"""The service as a Ray Serve deployment, for many machines: the same application, once a replica.

    serve run malmoi.serving.on_ray:build --args models='["/models/review"]'   # or deploy/ray_serve.yaml

Each replica has its own models, indexes, queue and metrics; Ray sends requests to them and starts them anew. Needs
`pip install "malmoi[serve]" "ray[serve]"`. A replica is given new models by deploying again, not by a signal.
"""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve import Application

from malmoi.errors import OptionError
from malmoi.serving.options import ServeOptions
from malmoi.serving.run import load_app, name_all

_NOT_HERE = ("host", "port", "workers")
"""Ray's: `http_options` and `num_replicas` of its configuration."""


def build(args: dict[str, Any]) -> Application:
    """An application for `serve run` or a configuration file.

    Args:
        args: `models`, directories, each perhaps as `name=directory`; `deployment`, options of the deployment such as
            `num_replicas`, `ray_actor_options` or `autoscaling_config`; and any other option of `malmoi serve`.

    Raises:
        OptionError: nothing to serve, or an option that there is not.
    """
    given = dict(args)
    models, deployment = given.pop("models", []), given.pop("deployment", {})
    known = [field.name for field in fields(ServeOptions) if field.name not in _NOT_HERE]
    if unknown := sorted(set(given) - set(known)):
        raise OptionError(f"the argument {unknown[0]!r} is unknown: expected models, deployment, {', '.join(known)}")
    if "api_key_file" in given:
        given["api_key_file"] = Path(given["api_key_file"])
    return application([Path(model) for model in models], ServeOptions(**given), deployment)


def application(directories: Sequence[Path], options: ServeOptions, deployment: dict[str, Any]) -> Application:
    """Models and indexes as an application; every replica loads them from these directories.

    Raises:
        OptionError: nothing to serve.
    """
    named = name_all(directories, options)

    def load() -> FastAPI:
        return load_app(named, options)

    # More requests than wait in our own queue need not come: the rest waits at Ray, or goes to another replica.
    settings = {"name": "malmoi", "max_ongoing_requests": options.max_queue, **deployment}
    decorate: Any = serve.deployment(**settings)
    made: Application = decorate(serve.ingress(load)()).bind()
    return made
