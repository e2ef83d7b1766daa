"""Errors reach the user from worker processes too."""

import pickle

from malmoi.errors import DataError, InputError


def test_data_error_survives_the_way_from_a_worker() -> None:
    error = pickle.loads(pickle.dumps(DataError("리뷰.tsv", 7, "two columns, expected three")))
    assert isinstance(error, InputError)
    assert str(error) == "리뷰.tsv:7: two columns, expected three"
    assert error.line == 7
