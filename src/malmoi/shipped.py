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
