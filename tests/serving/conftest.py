"""Two services for all tests that do not end or overload one: of models, and of what indexes and graphs need."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from malmoi.finetune import finetune
from malmoi.search.build import build_index
from malmoi.training.options import FinetuneOptions

sys.path.insert(0, str(Path(__file__).parent))

from service import Service, serving

DOCUMENTS = [
    {"id": "card", "text": "도서관에서 책을 빌리려면 회원증이 필요합니다.", "year": 2019, "title": "회원증"},
    {"id": "hours", "text": "도서관은 아침 아홉 시에 열고 저녁 여섯 시에 닫습니다.", "year": 2021},
    {"id": "late", "text": "책을 늦게 돌려주면 늦은 날만큼 빌릴 수 없습니다.", "year": 2023},
    {"id": "whale", "text": "고래는 바다에 사는 가장 큰 동물입니다.", "year": 2023, "title": "고래"},
    {"id": "d'or", "text": "👍 사전을 찾는 법은 <b>가나다</b> 차례를 아는 것입니다.", "year": 1929},
]


@pytest.fixture(scope="session")
def service(exported: Path) -> Iterator[Service]:
    """A classifier called `opinions` and a pre-trained model called `base`."""
    limits = ["--max-examples", 8, "--max-chars", 2000, "--max-body-bytes", 100_000]
    with serving(f"opinions={exported / 'model'}", f"base={exported / 'pretrained'}", *limits) as running:
        yield running


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five documents as a file."""
    path = tmp_path_factory.mktemp("documents") / "documents.jsonl"
    path.write_text("".join(json.dumps(d, ensure_ascii=False) + "\n" for d in DOCUMENTS), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def indexes(documents: Path, exported: Path) -> Path:
    """Indexes of them: `guide` with vectors of the pre-trained model, `terms` without."""
    pytest.importorskip("lancedb", reason="lancedb is not installed")
    folder = documents.parent
    build_index("lexical", documents, folder / "terms")
    with pytest.warns(UserWarning, match="never learnt to compare"):
        build_index(str(exported / "pretrained"), documents, folder / "guide")
    return folder


@pytest.fixture(scope="session")
def judges(quick_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`pair` and `reader`, which have hardly learnt anything: enough to be the same over HTTP as in process."""
    folder = tmp_path_factory.mktemp("judges")
    texts = [str(document["text"]) for document in DOCUMENTS]
    pairs = [{"first": "책을 빌리려면?", "second": text, "label": str(int("책" in text))} for text in texts]
    read = [{"question": "언제?", "context": text, "answers": [{"text": text[:3], "start": 0}]} for text in texts]
    options = FinetuneOptions(epochs=2, lr=1e-3, dropout=0.0, device="cpu", precision="fp32")
    for task, name, records in (("pair", "pair", pairs), ("qa", "reader", read)):
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        finetune(task, quick_run / "pretrained", folder / f"{name}.jsonl", folder / name, options)
    return folder


@pytest.fixture(scope="session")
def library(exported: Path, indexes: Path, judges: Path, travel_models: Path) -> Iterator[Service]:
    """Everything that the page has a view for."""
    models = [
        f"opinions={exported / 'model'}",
        f"base={exported / 'pretrained'}",
        judges / "pair",
        judges / "reader",
        travel_models / "entities",
        travel_models / "relations",
    ]
    with serving(*models, "--index", indexes / "guide", "--index", f"terms={indexes / 'terms'}") as running:
        yield running
