"""How a request becomes what a route of ours takes: strict JSON, checked once.

FastAPI still makes the schema of the routes. What it does for each request beside that (dependencies, exit stacks,
telemetry) no route here needs, and it took as long as the HTTP itself (`benchmarks/serving.py`).
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from malmoi.serving.schema import parse_strictly


class StrictRoute(APIRoute):
    """A route whose endpoint takes `(request, body)`, a pydantic model, and answers with a response itself."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint behind `read_body`; FastAPI's own where it takes no body."""
        kind = self.endpoint.__annotations__.get("body")
        if kind is None:
            return super().get_route_handler()
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            response: Response = await endpoint(request, await read_body(request, kind))
            return response

        return handle


async def read_body(request: Request, kind: type[BaseModel]) -> BaseModel:
    """The body of a request.

    Raises:
        RequestValidationError: it is not JSON as the standard has it, or not this kind of object.
    """
    given = request.headers.get("content-type", "")
    media_type = given.partition(";")[0].strip().lower()
    # A page elsewhere may have a browser send plain text anywhere, unasked; JSON it may not.
    if not media_type.startswith("application/") or not media_type.endswith(("/json", "+json")):
        raise _invalid("content_type", f"has the Content-Type {given!r}: expected application/json")
    try:
        return kind.model_validate(parse_strictly(await request.body()))
    except json.JSONDecodeError as error:
        raise _invalid("json_invalid", f"is no JSON ({error.msg})") from error
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from error


def _invalid(kind: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"type": kind, "loc": (), "msg": message, "input": None}])
