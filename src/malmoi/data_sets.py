"""Public data sets that malmoi reads as they are published: a catalogue, and how to fetch them from their addresses.

Nothing of them ships with malmoi. Their licences are their authors': they are shown, and are yours to keep. Where no
address serves the files freely, the catalogue says where to get them and where to put them.
"""

import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from malmoi.download import fetch
from malmoi.errors import InputError, OptionError, one_of

_GLUE = "https://dl.fbaipublicfiles.com/glue/data/"
_KLUE = "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/"
_KAKAO = "https://raw.githubusercontent.com/kakaobrain/kor-nlu-datasets/master/"


@dataclass(frozen=True)
class RemoteFile:
    """One file of a data set."""

    address: str
    """Where its authors have it."""
    sha256: str | None = None
    """Of the published file, where it is known."""

    @property
    def name(self) -> str:
        """What it is called."""
        return self.address.rsplit("/", 1)[1]


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set as its authors publish it."""

    about: str
    """What is in it."""
    task: str
    """The task it is for: a name of malmoi's, or `corpus`."""
    licence: str
    """As its authors name it."""
    page: str
    """Where it is described; where to get it by hand, when there are no files."""
    files: tuple[RemoteFile, ...] = ()
    """Empty where no address serves them freely."""


def _glue(archive: str, about: str, task: str, licence: str = "mixed, see the page") -> DataSet:
    files = (RemoteFile(f"{_GLUE}{archive}.zip"),)
    return DataSet(about=about, task=task, licence=licence, page="https://gluebenchmark.com/tasks", files=files)


def _klue(folder: str, suffix: str, about: str, task: str) -> DataSet:
    files = tuple(RemoteFile(f"{_KLUE}{folder}/{folder}_{part}.{suffix}") for part in ("train", "dev"))
    page = "https://github.com/KLUE-benchmark/KLUE"
    return DataSet(about=about, task=task, licence="CC BY-SA 4.0", page=page, files=files)


def _kakao(*names: str, about: str, task: str) -> DataSet:
    files = tuple(RemoteFile(_KAKAO + name) for name in names)
    page = "https://github.com/kakaobrain/kor-nlu-datasets"
    return DataSet(about=about, task=task, licence="CC BY-SA 4.0", page=page, files=files)


DATA_SETS: Mapping[str, DataSet] = {
    "kowiki": DataSet(
        about="Korean Wikipedia, the newest dump",
        task="corpus",
        licence="CC BY-SA 4.0",
        page="https://dumps.wikimedia.org/kowiki/",
        files=(RemoteFile("https://dumps.wikimedia.org/kowiki/latest/kowiki-latest-pages-articles.xml.bz2"),),
    ),
    "nsmc": DataSet(
        about="Naver movie reviews, positive or negative; 150,000 and 50,000",
        task="classification",
        licence="CC0 1.0",
        page="https://github.com/e9t/nsmc",
        files=(
            RemoteFile(
                "https://raw.githubusercontent.com/e9t/nsmc/master/ratings_train.txt",
                "e03b7d14e9e41be8d464a28057cd25d7396c53e67aa7fd5f7e552c59b0ee2940",
            ),
            RemoteFile(
                "https://raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt",
                "8ac9f64052f11dbf6ae0acb5e038f03d90a76f0eda7820cfb3a92d02edfcebda",
            ),
        ),
    ),
    "klue-ynat": _klue("ynat-v1.1", "json", "news headlines of seven topics", "classification"),
    "klue-nli": _klue("klue-nli-v1.1", "json", "premise and hypothesis; 24,998 and 3,000", "pair"),
    "klue-sts": _klue("klue-sts-v1.1", "json", "how alike two sentences are, 0 to 5; 11,668 and 519", "regression"),
    "klue-ner": _klue("klue-ner-v1.1", "tsv", "entities of six types, by character", "tagging"),
    "klue-re": _klue("klue-re-v1.1", "json", "30 relations between two entities", "relation"),
    "klue-mrc": _klue("klue-mrc-v1.1", "json", "questions on news and Wikipedia, some without an answer", "qa"),
    "kornli": _kakao(
        "KorNLI/multinli.train.ko.tsv",
        "KorNLI/snli_1.0_train.ko.tsv",
        "KorNLI/xnli.dev.ko.tsv",
        "KorNLI/xnli.test.ko.tsv",
        about="premise and hypothesis, translated; 942,854, 2,490 and 5,010",
        task="pair",
    ),
    "korsts": _kakao(
        "KorSTS/sts-train.tsv",
        "KorSTS/sts-dev.tsv",
        "KorSTS/sts-test.tsv",
        about="how alike two sentences are, 0 to 5, translated; 5,749, 1,500 and 1,379",
        task="regression",
    ),
    "paws-x": DataSet(
        about="pairs that share their words, paraphrases or not; Korean and six other languages",
        task="pair",
        licence="free use for any purpose, with acknowledgement of Google",
        page="https://github.com/google-research-datasets/paws/tree/master/pawsx",
        files=(RemoteFile("https://storage.googleapis.com/paws/pawsx/x-final.tar.gz"),),
    ),
    "question-pair": DataSet(
        about="Korean questions, the same (0) or not (1)",
        task="pair",
        licence="MIT",
        page="https://github.com/songys/Question_pair",
    ),
    "korquad": DataSet(
        about="KorQuAD 1.0: questions on Korean Wikipedia; 60,407 and 5,774",
        task="qa",
        licence="CC BY-ND 2.0 KR",
        page="https://korquad.github.io/KorQuad%201.0/",
        files=(
            RemoteFile("https://korquad.github.io/dataset/KorQuAD_v1.0_train.json"),
            RemoteFile(
                "https://korquad.github.io/dataset/KorQuAD_v1.0_dev.json",
                "25ffeb51e6c51ec02c071b60a10188e10005c144110f0d876b26079d80a35bdf",
            ),
        ),
    ),
    "chatbot": DataSet(
        about="short questions and answers; 11,823",
        task="search",
        licence="MIT",
        page="https://github.com/songys/Chatbot_data",
        files=(RemoteFile("https://raw.githubusercontent.com/songys/Chatbot_data/master/ChatbotData.csv"),),
    ),
    "cola": _glue("CoLA", "GLUE: is a sentence grammatical?", "classification"),
    "sst-2": _glue("SST-2", "GLUE: are words about a film positive?", "classification"),
    "sts-b": _glue("STS-B", "GLUE: how alike two sentences are, 0 to 5", "regression"),
    "qqp": _glue("QQP-clean", "GLUE: do two questions mean the same?", "pair"),
    "mnli": _glue("MNLI", "GLUE: premise and hypothesis of ten genres", "pair"),
    "qnli": _glue("QNLIv2", "GLUE: does a sentence hold the answer?", "pair"),
    "rte": _glue("RTE", "GLUE: does one text follow from another?", "pair"),
    "wnli": _glue("WNLI", "GLUE: whom does a pronoun mean?", "pair"),
    "mrpc": DataSet(
        about="GLUE: do two sentences mean the same? (train and test; GLUE's dev is a part of train)",
        task="pair",
        licence="Microsoft Research, see the page",
        page="https://www.microsoft.com/en-us/download/details.aspx?id=52398",
        files=(
            RemoteFile("https://dl.fbaipublicfiles.com/senteval/senteval_data/msr_paraphrase_train.txt"),
            RemoteFile("https://dl.fbaipublicfiles.com/senteval/senteval_data/msr_paraphrase_test.txt"),
        ),
    ),
    "squad": DataSet(
        about="SQuAD 1.1 and 2.0: questions on English Wikipedia",
        task="qa",
        licence="CC BY-SA 4.0",
        page="https://rajpurkar.github.io/SQuAD-explorer/",
        files=tuple(
            RemoteFile(f"https://rajpurkar.github.io/SQuAD-explorer/dataset/{name}.json")
            for name in ("train-v1.1", "dev-v1.1", "train-v2.0", "dev-v2.0")
        ),
    ),
    "swag": DataSet(
        about="what happens next? four endings; 73,546 and 20,006",
        task="choice",
        licence="MIT",
        page="https://github.com/rowanz/swagaf",
        files=tuple(
            RemoteFile(f"https://raw.githubusercontent.com/rowanz/swagaf/master/data/{name}.csv")
            for name in ("train", "val", "test")
        ),
    ),
    "codah": DataSet(
        about="which ending makes sense? written to be hard; 2,776",
        task="choice",
        licence="ODC-By",
        page="https://github.com/Websail-NU/CODAH",
        files=(RemoteFile("https://raw.githubusercontent.com/Websail-NU/CODAH/master/data/full_data.tsv"),),
    ),
    "toeic": DataSet(
        about="sentences with a blank and four words",
        task="cloze",
        licence="MIT",
        page="https://github.com/graykode/toeicbert",
        files=(RemoteFile("https://raw.githubusercontent.com/graykode/toeicbert/master/test.json"),),
    ),
    "conll-2003": DataSet(
        about="entities of four types in English news",
        task="tagging",
        licence="Reuters: for research, by agreement",
        page="https://www.clips.uantwerpen.be/conll2003/ner/",
    ),
    "tta-ner": DataSet(
        about="entities of the TTA standard's 15 types; ETRI, National Institute of Korean Language",
        task="tagging",
        licence="by agreement",
        page="https://kli.korean.go.kr/corpus",
    ),
}


@dataclass(frozen=True)
class FetchedFile:
    """A file of a data set that is there now."""

    path: Path
    n_bytes: int


def find_data_set(name: str) -> DataSet:
    """The data set of this name.

    Raises:
        OptionError: there is none.
    """
    if name not in DATA_SETS:
        raise OptionError(f"data set {name!r} is not known: {one_of(name, DATA_SETS)}")
    return DATA_SETS[name]


def get_data_set(name: str, data_set: DataSet, out: Path) -> list[FetchedFile]:
    """Fetch all files of a data set into `out / name`, archives unpacked; what is there already stays.

    Raises:
        InputError: it must be fetched by hand, or an address cannot be reached: where from, and where to put it.
        OutputError: the disk refuses.
    """
    folder = out / name
    if not data_set.files:
        raise InputError(f"{name} must be fetched by hand: see {data_set.page}, and put its files into {folder}/")
    paths: list[Path] = []
    for file in data_set.files:
        path = folder / file.name
        try:
            fetch(file.address, path, sha256=file.sha256)
        except InputError as error:
            raise InputError(
                f"{error}; fetch {file.address} by hand and put it at {path} (about it: {data_set.page})"
            ) from error
        paths += _unpacked(path, file)
    return [FetchedFile(path, path.stat().st_size) for path in paths]


def _unpacked(path: Path, file: RemoteFile) -> list[Path]:
    """The files of an archive, unpacked beside it; any other file as it is.

    Raises:
        InputError: the archive is broken, or would write outside its folder.
    """
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                archive.extractall(path.parent)  # drops what leads outside
                names = [name for name in archive.namelist() if not name.endswith("/")]
            return [path.parent / name for name in names if (path.parent / name).is_file()]
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as archive_file:
                archive_file.extractall(path.parent, filter="data")
                return [path.parent / member.name for member in archive_file.getmembers() if member.isfile()]
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise InputError(
            f"{path} is not a whole archive ({error}): delete it and fetch {file.address} again"
        ) from error
    return [path]
