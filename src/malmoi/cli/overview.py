"""What `malmoi` without arguments shows: every command under its stage of the road, and the module that holds it.

Plain text, so that it is there before the libraries of the command line are loaded. Details are `--help` of a command.
"""

STAGES: dict[str, dict[str, tuple[str, str]]] = {
    "Begin": {
        "quickstart": ("look", "run the whole chain in minutes, on the text that ships or on yours"),
        "data": ("data", "list and download public data sets"),
    },
    "Corpus": {
        "corpus": ("text", "read, clean, filter and deduplicate text files"),
    },
    "Vocabulary": {
        "vocab": ("text", "learn a vocabulary from a corpus, or extend one"),
        "tokenize": ("text", "cut text into pieces"),
        "analyze": ("analyze", "show what morphological analysers make of text"),
        "vocab-compare": ("text", "compare two tokenizers on the same text"),
        "study": ("study", "compare ways to cut Korean, end to end"),
    },
    "Pre-training": {
        "shards": ("text", "encode a corpus into token shards"),
        "plan": ("learn", "estimate hours, memory and money before you start"),
        "pretrain": ("learn", "pre-train an encoder, or continue from any BERT"),
        "report": ("look", "show a pre-training run as an HTML page"),
    },
    "Fine-tuning": {
        "finetune": ("learn", "train a model for a task: sentiment, entities, reading ..."),
        "split-articles": ("articles", "split a SQuAD file by its articles"),
    },
    "Use": {
        "predict": ("use", "predict with a fine-tuned model"),
        "evaluate": ("use", "judge a model on labelled examples"),
        "score": ("use", "judge anybody's predictions by the official metrics"),
        "graph": ("graph", "draw the entities and relations of a text"),
        "export": ("use", "make a model small and fast, to run without PyTorch"),
    },
    "Search": {
        "index": ("search", "make documents searchable"),
        "search": ("search", "find documents"),
        "answer": ("search", "answer a question from an index"),
        "index-delete": ("search", "delete documents from an index"),
        "embed": ("search", "turn texts into vectors"),
        "sent2vec": ("search", "learn sentence vectors from your own texts"),
        "mine": ("search", "make training data of an index's near misses"),
        "search-eval": ("search", "compare retrievers on queries with known answers"),
    },
    "Serve": {
        "serve": ("serve", "serve models over HTTP, with a page to try them on"),
    },
    "Look": {
        "info": ("look", "say what a directory is"),
    },
}


def module_of(command: str) -> str | None:
    """The module of `cli/` that holds a command; None for a word that is no command."""
    return next((commands[command][0] for commands in STAGES.values() if command in commands), None)


def overview() -> str:
    """Every command with what it does, stage by stage."""
    lines = [
        "malmoi: from raw Korean text to a Korean BERT that works.",
        "",
        "Usage: malmoi COMMAND ...        try `malmoi quickstart`; `malmoi COMMAND --help` says more",
    ]
    for stage, commands in STAGES.items():
        lines += ["", stage, *(f"  {name:16}{about}" for name, (_, about) in commands.items())]
    return "\n".join([*lines, "", "Options", *_OPTIONS])


_OPTIONS = (
    "  --help                this overview",
    "  --version             the version",
    "  --install-completion  let Tab complete commands and options in bash, zsh or fish",
)
