"""Commands for public data sets: data list, data get."""

from pathlib import Path

from malmoi.cli.app import Commands, app, print_record, say

data = Commands(name="data", help="Public data sets: list them, download one.")
app.command(data)


@data.command(name="list")
def list_data() -> None:
    """List the data sets that malmoi reads: one JSON object per line."""
    from malmoi.data_sets import DATA_SETS

    for name, data_set in DATA_SETS.items():
        print_record(
            {
                "name": name,
                "task": data_set.task,
                "about": data_set.about,
                "licence": data_set.licence,
                "page": data_set.page,
                "addresses": [file.address for file in data_set.files],
            }
        )


@data.command
def get(name: str, /, *, out: Path = Path("data")) -> None:
    """Fetch a data set from its own addresses; an interrupted download continues.

    Args:
        name: A name from `malmoi data list`.
        out: Folder; the files go into OUT/NAME.
    """
    from malmoi.data_sets import find_data_set, get_data_set

    data_set = find_data_set(name)
    say(f"{name}: {data_set.about}\nlicence: {data_set.licence} ({data_set.page})")
    for file in get_data_set(name, data_set, out):
        print_record({"path": str(file.path), "bytes": file.n_bytes})
