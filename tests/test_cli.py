"""The command line as a user meets it: one process a command, what it prints and how it ends."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest


def malmoi(
    *arguments: object, stdin: str = "", limit_bytes: int | None = None, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command; `limit_bytes` caps the size of any file it writes, as a full disk would; `path` imports first."""

    def cap() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    imported = [str(path or ""), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, "-m", "malmoi.cli", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=cap,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, imported))},
    )


def assert_refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line on standard error that starts with `error:` and names things; exit code 1; no traceback."""
    assert result.returncode == 1, result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and "Traceback" not in result.stderr, result.stderr
    for word in words:
        assert word in errors[0], errors[0]


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


TEXT = "말모이는 낱말을 모은 사전이다.\n조선어학회가 이 일을 이어받았다.\n\n바다는 넓고 깊다.\n물고기가 헤엄친다.\n"


def test_help_names_every_command_and_never_loads_torch() -> None:
    code = (
        "import sys; sys.argv = ['malmoi', '--help']\nfrom malmoi.cli.main import main\n"
        "try: main()\nfinally: print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in ("corpus", "vocab", "tokenize", "shards", "pretrain", "finetune", "evaluate", "predict", "quickstart"):
        assert name in result.stdout
    assert result.stdout.rstrip().endswith("False")


@pytest.mark.parametrize(
    "arguments", [["corpus", "a.txt"], ["vocab", "x", "--out", "y", "--size", "many"], ["nonsense"]]
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    result = malmoi(*arguments)
    assert result.returncode == 2 and not result.stdout
    # In the words of any other error, on one line.
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ") and "--help`." in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["corpsu", "a.txt"], ['"corpsu"', 'Did you mean "corpus"?', "`malmoi --help`"]),
        (["--verison"], ["Unknown option: --verison", "`malmoi --help`"]),
        (["vocab", "a", "--out", "b", "--sise", "9"], ["--sise", "Did you mean --size?", "`malmoi vocab --help`"]),
        (["vocab", "a", "--out", "b", "--segment", "sylable"], ['Did you mean "syllable"?']),
        (["vocab", "a", "b", "--out", "c"], ["More arguments than it takes: 'b'"]),
    ],
)
def test_wrong_usage_says_what_was_probably_meant(arguments: list[str], words: list[str]) -> None:
    result = malmoi(*arguments)
    assert result.returncode == 2 and [word for word in words if word not in result.stderr] == [], result.stderr
    assert "Available commands" not in result.stderr


def test_a_name_that_is_not_known_brings_the_near_one(quick_run: Path, tmp_path: Path) -> None:
    train = ["--train", quick_run / "train.tsv", "--out", tmp_path / "m"]
    assert_refused(malmoi("finetune", "clasification", quick_run / "pretrained", *train), "mean classification?")
    assert_refused(malmoi("data", "get", "nsmcc"), "did you mean nsmc?")
    assert_refused(malmoi("pretrain", "a", "b", "--out", tmp_path / "p", "--size", "smal"), "did you mean small?")


def test_paths_of_the_wrong_kind_are_named_as_what_they_are(quick_run: Path, tmp_path: Path) -> None:
    assert_refused(malmoi("tokenize", quick_run / "model" / "config.json", "안녕"), "is a file", "tokenizer directory")
    assert_refused(malmoi("search", tmp_path / "nowhere", "안녕"), "does not exist", "`malmoi index`")
    assert_refused(malmoi("plan", quick_run / "model"), "expected shards, or a corpus directory")
    assert_refused(malmoi("corpus", tmp_path, "--out", tmp_path / "c"), "holds no files")
    train = ["--train", quick_run / "train.tsv", "--out", tmp_path / "m"]
    assert_refused(malmoi("finetune", "classification", "bert-base", *train), "bert-base does not exist", "model")


def test_a_library_that_the_base_install_lacks_is_named_with_its_extra(quick_run: Path, tmp_path: Path) -> None:
    for library, extra, arguments in (
        ("torch", "train", ["pretrain", "shards", "tokenizer", "--out", tmp_path / "p"]),
        ("onnx", "export", ["export", quick_run / "model", "--out", tmp_path / "e"]),
    ):
        (blocked := tmp_path / library).mkdir()
        write(blocked / f"{library}.py", f"raise ModuleNotFoundError(name={library!r})\n")
        result = malmoi(*arguments, path=blocked)
        assert_refused(result, f"needs {library}", f'pip install "malmoi[{extra}]"')


def test_quickstart_looks_at_its_budget_before_it_begins(tmp_path: Path) -> None:
    assert_refused(malmoi("quickstart", "--budget", "soon", "--out", tmp_path / "q"), "'soon'", "90s")
    assert not (tmp_path / "q").exists()


def test_help_shows_defaults_in_words_and_an_example() -> None:
    text = malmoi("corpus", "--help").stdout
    assert "[default: 20]" in text and "For example: malmoi corpus my_text --out corpus" in text
    for clutter in ("[default: False]", "[default: None]", "--no-force", "--empty-namespaces", "(0,)"):
        assert clutter not in text
    assert "--no-special-tokens" in malmoi("tokenize", "--help").stdout


def test_tab_completion_is_written_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # the shell's start file is written, too
    script = tmp_path / "malmoi.bash"
    assert malmoi("--install-completion", "--shell", "bash", "--output", script).returncode == 0
    text = script.read_text(encoding="utf-8")
    assert "finetune" in text and "--segment" in text
    assert str(script) in (tmp_path / ".bashrc").read_text(encoding="utf-8")
    # `corpus` is a command, and here the directory that one is given.
    completed = {"pre": "pretrain predict", "vocab corpus --seg": "--segment", "vocab corpus --segment sy": "syllable"}
    for typed, expected in completed.items():
        complete = f"""source {script}; COMP_WORDS=(malmoi {typed}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
            _malmoi; echo "${{COMPREPLY[*]}}" """
        result = subprocess.run(["bash", "-c", complete], capture_output=True, text=True, check=True)
        assert (result.stdout.strip(), result.stderr) == (expected, "")


def test_corpus_refuses_what_cannot_be_text(tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    missing = tmp_path / "없는파일.txt"
    assert_refused(malmoi("corpus", missing, "--out", out), str(missing), "does not exist")
    assert_refused(malmoi("corpus", write(tmp_path / "empty.txt", ""), "--out", out))
    assert_refused(malmoi("corpus", write(tmp_path / "binary.txt", b"\x00\x01\x02" * 999), "--out", out), "binary")
    assert_refused(malmoi("corpus", write(tmp_path / "short.txt", "짧다\n"), "--out", out), "--min-chars")
    assert not out.exists()


def test_corpus_counts_a_line_of_broken_utf8_and_goes_on(tmp_path: Path) -> None:
    broken = TEXT.encode() + b"\n\xff\xfe\n" + "그래도 나머지 글은 모두 남아 있어야 한다.\n".encode()
    result = malmoi("corpus", write(tmp_path / "a.txt", broken), "--out", tmp_path / "corpus")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["broken"] == {"broken-utf8": 1}
    assert report["n_kept"] == 3
    assert "broken-utf8" in result.stderr


def test_an_output_that_exists_is_left_alone_without_force(quick_run: Path) -> None:
    before = (quick_run / "corpus" / "manifest.json").read_bytes()
    assert_refused(malmoi("corpus", quick_run / "train.tsv", "--out", quick_run / "corpus"), "--force")
    assert (quick_run / "corpus" / "manifest.json").read_bytes() == before


def test_a_vocabulary_larger_than_the_corpus_gives(quick_run: Path, tmp_path: Path) -> None:
    result = malmoi("vocab", quick_run / "corpus", "--out", tmp_path / "tok", "--size", 500_000)
    assert_refused(result, "500000", "--size")
    assert not (tmp_path / "tok").exists()


def test_tokenize_prints_pieces_ids_and_spans(quick_run: Path) -> None:
    result = malmoi("tokenize", quick_run / "tokenizer", "-", stdin="고래가 헤엄친다.\n둘째 줄\n")
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["text"] == "고래가 헤엄친다." and second["text"] == "둘째 줄"
    assert len(first["pieces"]) == len(first["ids"]) == len(first["spans"])
    assert [first["text"][a:b] for a, b in first["spans"] if b > a] == [
        piece.removeprefix("##") for piece in first["pieces"][1:-1]
    ]


def test_fine_tuning_on_a_table_without_its_column(quick_run: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "리뷰.tsv", "본문\t라벨\n좋다\t1\n")
    result = malmoi("finetune", "classification", quick_run / "pretrained", "--train", table, "--out", tmp_path / "m")
    assert_refused(result, f"{table}:1", "text", "label")


def test_fine_tuning_with_a_label_in_dev_that_train_lacks(quick_run: Path, tmp_path: Path) -> None:
    dev = write(tmp_path / "dev.tsv", "text\tlabel\n그저 그렇다\tneutral\n")
    arguments = ["--train", quick_run / "train.tsv", "--dev", dev, "--out", tmp_path / "m"]
    assert_refused(malmoi("finetune", "classification", quick_run / "pretrained", *arguments), "neutral", "positive")
    assert not (tmp_path / "m").exists()


def test_a_checkpoint_of_another_shape(quick_run: Path, tmp_path: Path) -> None:
    broken = tmp_path / "pretrained"
    broken.mkdir()
    for path in (quick_run / "pretrained").iterdir():
        if path.is_file():
            (broken / path.name).write_bytes(path.read_bytes())
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps(config | {"hidden_size": 64}))
    result = malmoi("finetune", "classification", broken, "--train", quick_run / "train.tsv", "--out", tmp_path / "m")
    assert_refused(result, "shape", "64")


def test_a_full_disk_while_saving_leaves_nothing_half_written(quick_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    result = malmoi("shards", quick_run / "corpus", quick_run / "tokenizer", "--out", out, limit_bytes=20_000)
    assert_refused(result, str(out))
    assert not out.exists() and not list(tmp_path.iterdir())


def test_predict_reads_standard_input_and_files(quick_run: Path, tmp_path: Path) -> None:
    model = quick_run / "model"
    lines = 'plain 문장입니다\n{"text": "제이슨", "id": 7}\n\n'
    from_stdin = [json.loads(line) for line in malmoi("predict", model, "-", stdin=lines).stdout.splitlines()]
    assert [record["text"] for record in from_stdin] == ["plain 문장입니다", "제이슨", ""]
    assert from_stdin[1]["id"] == 7
    for record in from_stdin:
        assert set(record["prediction"]) == {"label", "probabilities"}
        assert sum(record["prediction"]["probabilities"].values()) == pytest.approx(1)
    from_file = malmoi("predict", model, write(tmp_path / "문장.txt", lines)).stdout
    assert [json.loads(line) for line in from_file.splitlines()] == from_stdin


def test_predict_names_the_line_that_is_no_example(quick_run: Path) -> None:
    assert_refused(malmoi("predict", quick_run / "model", stdin='좋다\n{"texto": "?"}\n'), "standard input:2")


def test_predict_with_a_model_that_is_not_fine_tuned(quick_run: Path) -> None:
    assert_refused(malmoi("predict", quick_run / "pretrained", stdin="좋다\n"), "malmoi finetune")


def test_evaluate_agrees_with_score_of_its_own_predictions(quick_run: Path, tmp_path: Path) -> None:
    errors = tmp_path / "errors.jsonl"
    evaluated = json.loads(malmoi("evaluate", quick_run / "model", quick_run / "dev.tsv", "--errors", errors).stdout)
    predictions = write(tmp_path / "p.jsonl", malmoi("predict", quick_run / "model", quick_run / "dev.tsv").stdout)
    scored = json.loads(malmoi("score", "classification", quick_run / "dev.tsv", predictions).stdout)
    assert evaluated == scored
    assert set(evaluated) == {"task", "n_examples", "metrics", "per_label", "confusion"}
    n_wrong = len(errors.read_text(encoding="utf-8").splitlines())
    assert evaluated["metrics"]["accuracy"] == pytest.approx(100 * (1 - n_wrong / evaluated["n_examples"]))


def test_a_model_that_is_only_pre_trained_fills_blanks(quick_run: Path, tmp_path: Path) -> None:
    lines = ['{"text": "바다에 ___ 산다.", "choices": ["고래가", "산이"], "answer": 0}'] * 2
    file = write(tmp_path / "blanks.jsonl", "\n".join(lines))
    judged = json.loads(malmoi("evaluate", quick_run / "pretrained", file, "--task", "cloze").stdout)
    assert judged["task"] == "cloze" and judged["metrics"]["accuracy"] in (0.0, 100.0)
    answers = [
        json.loads(line)
        for line in malmoi("predict", quick_run / "pretrained", file, "--task", "cloze").stdout.splitlines()
    ]
    assert [set(answer["prediction"]) for answer in answers] == [{"choice", "scores"}] * 2
    assert_refused(malmoi("evaluate", quick_run / "pretrained", file, "--task", "pair"), "malmoi finetune pair")
    assert_refused(malmoi("evaluate", quick_run / "model", file, "--task", "cloze"), "classification", "cloze")


def test_data_is_listed_with_its_licence_and_fetched_by_hand_where_nobody_serves_it(tmp_path: Path) -> None:
    listed = [json.loads(line) for line in malmoi("data", "list").stdout.splitlines()]
    assert {"nsmc", "klue-nli", "korquad"} <= {entry["name"] for entry in listed}
    assert all(entry["licence"] for entry in listed)
    result = malmoi("data", "get", "conll-2003", "--out", tmp_path / "data")
    assert_refused(result, "by hand", "https://", str(tmp_path / "data" / "conll-2003"))
    assert "licence: Reuters" in result.stderr and not list(tmp_path.iterdir())
    assert_refused(malmoi("data", "get", "nsmcc"), "nsmc")


@pytest.mark.parametrize("stage", ["corpus", "tokenizer", "shards", "pretrained", "model"])
def test_info_knows_every_stage(quick_run: Path, stage: str) -> None:
    kind = stage if stage in ("corpus", "tokenizer", "shards") else "model"
    assert json.loads(malmoi("info", quick_run / stage).stdout)["kind"] == kind


def test_info_of_nothing(tmp_path: Path) -> None:
    assert_refused(malmoi("info", tmp_path / "nothing"), "does not exist")
    assert_refused(malmoi("info", tmp_path), "nothing malmoi knows")
