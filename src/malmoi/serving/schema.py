"""What goes over the wire, as pydantic models; those of tasks come from their `Example` dataclasses."""

import ast
import dataclasses
import inspect
import json
import textwrap
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.responses import JSONResponse

from malmoi.tasks.catalog import AnyTask


class ErrorBody(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(use_attribute_docstrings=True)
    type: str
    """A word for programs: `invalid_request`, `not_found`, `unauthorized`, `too_large`, `too_slow`, `overloaded`,
    `unavailable`, `internal`."""
    message: str
    """A sentence for people."""
    param: str | None = None
    """The field that is wrong, such as `examples.0.text`."""
    code: int
    """The HTTP status."""


class ErrorReply(BaseModel):
    """Every error has this shape."""

    error: ErrorBody


def error_reply(
    status: int, kind: str, message: str, *, param: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """An error as a response."""
    body = ErrorReply(error=ErrorBody(type=kind, message=message, param=param, code=status))
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorReply, "description": what}
    for status, what in {
        401: "no key, or a wrong one",
        404: "no such model",
        408: "the body came too slowly",
        413: "the body is too large",
        422: "the request is not understood",
        429: "overloaded; try again after `Retry-After` seconds",
    }.items()
}


def predict_request(task: AnyTask, max_examples: int, max_chars: int) -> type[BaseModel]:
    """The body of a task's predict route: its examples without their label."""
    kind, helps = task.Example, field_helps(task.Example)
    types = get_type_hints(kind)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(kind)[:-1]:
        annotation: Any = types[field.name]
        limit: dict[str, Any] = {"max_length": max_chars} if annotation is str else {}
        default: Any = ... if field.default is dataclasses.MISSING else field.default
        fields[field.name] = (annotation, Field(default, description=helps.get(field.name), **limit))
    example = create_model(f"{task.name.capitalize()}Example", __doc__=inspect.getdoc(kind), **fields)
    return create_model(
        f"{task.name.capitalize()}Request",
        examples=(
            Annotated[list[example], Field(min_length=1, max_length=max_examples)],  # type: ignore[valid-type]
            Field(description="What to predict, in order."),
        ),
    )


def field_helps(kind: type) -> dict[str, str]:
    """The string literals below the fields of a dataclass."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(tree, ast.ClassDef), "a class"
    helps = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            helps[field.target.id] = str(below.value.value)
    return helps


class PredictReply(BaseModel):
    """Predictions, in the order of the examples."""

    model: str
    task: str
    predictions: list[dict[str, Any]] = Field(description="As `malmoi predict` prints them.")


class FillRequest(BaseModel):
    """A text with masks."""

    text: str = Field(description="With `[MASK]` where a token is wanted.", max_length=20_000)
    top_k: int = Field(5, ge=1, le=50, description="Candidates a mask.")


class FilledToken(BaseModel):
    """A candidate."""

    piece: str
    probability: float


class FillReply(BaseModel):
    """Candidates for each mask, likeliest first."""

    model: str
    masks: list[list[FilledToken]]


class TokenizeRequest(BaseModel):
    """A text to cut."""

    text: str = Field(max_length=20_000)


class TokenizeReply(BaseModel):
    """Its pieces; spans are characters of the text, end exclusive."""

    pieces: list[str]
    ids: list[int]
    spans: list[tuple[int, int]]


class ModelCard(BaseModel):
    """A served model."""

    id: str
    object: str = "model"
    task: str | None = Field(description="Null where there is none: such a model embeds and fills masks.")
    labels: list[str]
    encoder: str
    runs_on: str = Field(description="`onnx-int8`, `onnx` or `torch`.")
    max_tokens: int
    width: int
    can_fill: bool
    fields: list[str] = Field(description="Of the task's examples.")


class ModelList(BaseModel):
    """What is served."""

    object: str = "list"
    data: list[ModelCard]


class OpenAIEmbeddingsRequest(BaseModel):
    """OpenAI's."""

    input: str | list[str]
    model: str = Field("", description="A served model's id; the first that embeds where it is empty.")
    encoding_format: str = Field("float", pattern="^(float|base64)$")
    dimensions: int | None = Field(None, description="Must be the model's own width where it is given.")
    user: str | None = None


class TeiEmbedRequest(BaseModel):
    """text-embeddings-inference's."""

    inputs: str | list[str]
    normalize: bool = True
    truncate: bool = Field(True, description="Texts that are too long are always cut.")


class TeiRerankRequest(BaseModel):
    """text-embeddings-inference's."""

    query: str
    texts: list[str] = Field(min_length=1)
    return_text: bool = False
    raw_scores: bool = Field(False, description="No difference here: scores are what the model predicts.")
    truncate: bool = True


class TeiPredictRequest(BaseModel):
    """text-embeddings-inference's: one text, a list of texts, or a list of pairs."""

    inputs: str | list[str] | list[tuple[str, str]]
    raw_scores: bool = False
    truncate: bool = True


def parse_strictly(body: bytes) -> Any:
    """JSON as the standard has it: no NaN, no Infinity; deep nesting and endless numbers are errors too.

    Raises:
        json.JSONDecodeError: it is not JSON.
    """
    try:
        return json.loads(body, parse_constant=_refuse)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(str(error)[:100], "", 0) from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
