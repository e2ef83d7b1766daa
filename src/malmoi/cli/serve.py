"""The command that serves models over HTTP."""

from pathlib import Path
from typing import Annotated

from malmoi.cli.app import Flat, app
from malmoi.serving.options import ServeOptions


@app.command
def serve(*models: Path, options: Annotated[ServeOptions, Flat] = ServeOptions()) -> None:
    """Serve models and indexes over HTTP, with a page to try them on.

    For example: `malmoi serve sentiment=small-model --port 8000`

    Args:
        models: Model directories, each perhaps with a name of its own: name=directory. Without any, and without
            --index, the models that ship with malmoi.
    """
    try:
        from malmoi.serving.run import serve as run
    except ModuleNotFoundError as error:
        from malmoi.errors import OptionError

        raise OptionError(f'{error.name} is not installed: install "malmoi[serve]" to serve models') from error
    run(models, options)
