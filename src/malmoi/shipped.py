"""The models that ship with the package: every model directory in its folder `models`. None is loaded here."""

from pathlib import Path

FOLDER = Path(__file__).parent / "models"


def shipped_models(folder: Path | None = None) -> list[Path]:
    """Directories of the models that ship, by name; none where the package has none.

    Args:
        folder: where they lie; None: in the package.
    """
    place = FOLDER if folder is None else folder
    return sorted(path.parent for path in place.glob("*/config.json"))


def find_model(model: str | Path) -> Path:
    """Where a model lies that is named by its directory, or by the name of one that ships (`malmoi-small`).

    What is there under that name comes first, so that one's own directories are never shadowed.
    """
    path = Path(model)
    if len(path.parts) == 1 and not path.exists():
        return next((shipped for shipped in shipped_models() if shipped.name == str(path)), path)
    return path
