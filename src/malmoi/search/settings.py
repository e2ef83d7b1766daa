"""What an index was made with, as its manifest says, and whether documents and models fit it. No search here."""

from dataclasses import dataclass
from pathlib import Path

from malmoi.artifact import read_manifest
from malmoi.errors import CheckpointError, InputError
from malmoi.search.documents import FieldKind
from malmoi.search.vectorizer import Vectorizer, fingerprint, load_vectorizer


@dataclass(frozen=True, kw_only=True)
class IndexSettings:
    """What an index was made with, as its manifest holds it."""

    model: str | None
    """Where the model lay; None for terms only."""
    model_name: str | None
    """What it is, with a fingerprint."""
    unit: str
    """How terms are cut."""
    terms: str
    """Likewise, with the analyser's version."""
    fields: dict[str, FieldKind]
    """What documents have beside id and text."""
    width: int
    """Numbers in a vector; 0 for none."""


def read_settings(directory: Path) -> IndexSettings:
    """What an index was made with.

    Raises:
        InputError: no index, or its manifest is damaged.
    """
    manifest = read_manifest(directory, "index")
    try:
        return IndexSettings(**manifest.options)
    except TypeError as error:
        raise InputError(f"{directory}/manifest.json cannot be read ({error}): run `malmoi index` again") from error


def vectorizer_of(
    directory: Path,
    settings: IndexSettings,
    model: str | Path | None = None,
    *,
    device: str | None = None,
    n_threads: int | None = None,
) -> Vectorizer | None:
    """The model of an index; None for terms only. See `Index.load`."""
    if settings.model is None:
        if model is not None:
            raise CheckpointError(f"{directory} has no vectors, and {model} makes some: leave the model out")
        return None
    place = Path(model or settings.model)
    if not place.is_dir():
        raise CheckpointError(f"{directory} was made with {settings.model_name}, and {place} does not exist: "
                              "pass the place where the model lies now (--model)")  # fmt: skip
    vectorizer = load_vectorizer(place, device=device, n_threads=n_threads)
    check_model(directory, settings, vectorizer)
    return vectorizer


def check_model(directory: Path, settings: IndexSettings, vectorizer: Vectorizer | None) -> None:
    """Refuse an index of another model.

    Raises:
        CheckpointError: it is; both are named.
    """
    ours, theirs = settings.model_name, None if vectorizer is None else vectorizer.name
    if (ours and fingerprint(ours)) != (theirs and fingerprint(theirs)):
        raise CheckpointError(
            f"{directory} was made with {ours or 'terms only'}, this is {theirs or 'terms only'}: expected the same "
            "model; their vectors cannot be compared, make the index again"
        )


def check_kinds(kinds: dict[str, FieldKind], known: dict[str, FieldKind]) -> None:
    """Refuse fields that an index does not have, or has otherwise.

    Raises:
        InputError: there is one.
    """
    for name, kind in kinds.items():
        if name not in known:
            raise InputError(f"the field {name!r} is not in the index: expected {', '.join(known) or 'none'}; "
                             "leave it out, or make the index again")  # fmt: skip
        if kind != known[name] and not (kind == "integer" and known[name] == "number"):
            raise InputError(f"the field {name!r} is of the kind {kind}: expected {known[name]}, as in the index")
