"""Requests drawn from the service's own schema, right and wrong ones: never a fault, always the one shape of errors."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from service import Service

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
ERROR = {"type", "message", "param", "code"}


SHARED = {"/v1/search", "/v1/answer", "/v1/graph", "/v1/cut"}


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_no_request_of_the_schema_is_a_fault(service: Service, mode: str) -> None:
    fuzz(service, mode, lambda path: path not in SHARED)


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_nor_one_over_indexes_and_several_models(library: Service, mode: str) -> None:
    fuzz(library, mode, SHARED.__contains__)


def fuzz(service: Service, mode: str, is_wanted: Callable[[str], bool]) -> None:
    schema = schemathesis.openapi.from_dict(service.ask("GET", "/openapi.json").body)
    generation = schemathesis.GenerationMode[mode]
    asked = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.method.upper() == "POST" and is_wanted(operation.path):
            asked.add(operation.path)
            check(service, operation.as_strategy(generation_mode=generation))
    assert len(asked) >= len(SHARED)


def check(service: Service, cases: "st.SearchStrategy[object]") -> None:
    @settings(
        max_examples=8, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=cases)
    def ask(case: object) -> None:
        reply = case.call(base_url=f"http://127.0.0.1:{service.port}")  # type: ignore[attr-defined]
        assert reply.status_code < 500
        if reply.status_code >= 400:
            assert set(reply.json()["error"]) == ERROR

    ask()
