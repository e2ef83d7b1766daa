"""Commands to search one's own texts: embed."""

from pathlib import Path

from malmoi.cli.app import TextOrDash, app, print_record, say
from malmoi.engine import Engine


@app.command
def embed(
    model: Path,
    file: TextOrDash = "-",
    /,
    *,
    out: Path | None = None,
    device: str | None = None,
    workers: int = 1,
    engine: Engine = "local",
) -> None:
    """Turn texts into vectors: every object with its "vector", one a line; or all vectors as one NumPy file.

    Args:
        model: Model directory, best one made by `malmoi finetune embedding`.
        file: JSON objects with a "text", or plain lines; - for standard input.
        out: File for the vectors alone (.npy, float32, a row a text); by default lines are printed.
        device: cpu, cuda, ...; by default the best one here.
        workers: Processes.
        engine: Processes of this machine, or those of a Ray cluster.
    """
    from malmoi.search.bulk import embed_records, write_vectors
    from malmoi.search.documents import read_texts

    records = read_texts(None if file == "-" else Path(file))
    made = embed_records(model, records, device=device, workers=workers, engine=engine)
    if out is not None:
        n_rows, width = write_vectors(out, (vector for _, vector in made))
        say(f"{out}: {n_rows:,} vectors of {width}")
        return
    for record, vector in made:
        print_record({**record, "vector": [round(float(value), 7) for value in vector]})
