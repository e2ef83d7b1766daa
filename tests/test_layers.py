"""The layers of the architecture: a module imports from its own row or a row above it, and never in a circle."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "malmoi"

LAYERS = [
    ["errors", "text", "artifact", "progress", "page"],
    ["engine"],
    ["workplace", "shipped", "corpus.*", "download", "morphology.*"],
    ["tokenizer.*", "data_sets"],
    ["pretraining.batch", "pretraining.examples", "pretraining.masking", "pretraining.shards"],
    ["tasks.*"],
    ["model.*", "training.*"],
    ["pretraining.costs", "pretraining.course", "pretraining.plan", "pretraining.recipe", "pretraining.run"],
    ["pretraining.evaluation", "pretraining.probe", "pretraining.start", "pretraining.mishap", "pretraining.opening"],
    ["pretraining.watch"],
    ["pretraining.pretrain", "predictor"],
    ["baseline", "finetune_run", "submission"],
    ["finetune_sweep"],
    ["finetune", "info", "export", "search.*", "graph.*"],
    ["report", "report.*", "serving.*", "study.*"],
    ["quickstart"],
    ["cli.*"],
]
# Function-level imports keep start-up fast and optional libraries optional; only here.
LATE_IMPORTS_ALLOWED = (
    "__init__",
    "baseline",
    "cli.",
    "corpus.sevenzip",
    "engine",
    "model.load",
    "morphology.kiwi",
    "morphology.mecab",
    "morphology.okt",
    "progress",
    "report.plots",
    "training.tensorboard",
)


def _modules() -> dict[str, ast.Module]:
    modules = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        modules[name] = ast.parse(path.read_text(encoding="utf-8"))
    return modules


def _row(module: str) -> int:
    for number, row in enumerate(LAYERS):
        for entry in row:
            if module == entry or (entry.endswith(".*") and module.startswith(entry[:-1])):
                return number
    raise AssertionError(f"{module} stands in no layer: add it to LAYERS")


def _imports(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("malmoi"):
            found.append((node.module or "")[len("malmoi.") :])
        elif isinstance(node, ast.Import):
            found += [a.name[len("malmoi.") :] for a in node.names if a.name.startswith("malmoi.")]
    return [name for name in found if name]


def _is_package_init(module: str) -> bool:
    return module.split(".")[-1] == "__init__"


def test_every_import_points_up() -> None:
    modules = _modules()
    for module, tree in modules.items():
        if _is_package_init(module):
            continue
        for target in _imports(tree):
            assert target in modules, f"{module} imports the package {target}: import the defining file"
            assert _row(target) <= _row(module), f"{module} imports {target}, which stands below it"


def test_no_circles() -> None:
    graph = {m: set(_imports(t)) for m, t in _modules().items() if not _is_package_init(m)}
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_imports_inside_functions_only_where_allowed() -> None:
    for module, tree in _modules().items():
        if module.startswith(LATE_IMPORTS_ALLOWED):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                inner = [n for n in ast.walk(node) if isinstance(n, (ast.Import, ast.ImportFrom))]
                assert not inner, f"{module}.{node.name} imports inside the function (line {inner[0].lineno})"


def test_without_torch_above_the_models() -> None:
    for module, tree in _modules().items():
        if _is_package_init(module) or _row(module) >= 5:
            continue
        names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not any(n.split(".")[0] == "torch" for n in names), f"{module} imports torch"
