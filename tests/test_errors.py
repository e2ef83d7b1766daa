"""Errors reach the user from worker processes too."""

import pickle

from malmoi.errors import DataError, InputError, one_of


def test_data_error_survives_the_way_from_a_worker() -> None:
    error = pickle.loads(pickle.dumps(DataError("리뷰.tsv", 7, "two columns, expected three")))
    assert isinstance(error, InputError)
    assert str(error) == "리뷰.tsv:7: two columns, expected three"
    assert error.line == 7


def test_a_near_name_is_proposed_and_no_far_one() -> None:
    assert one_of("smal", ("tiny", "small")) == "expected one of tiny, small; did you mean small?"
    assert one_of("huge", ("tiny", "small")) == "expected one of tiny, small"
