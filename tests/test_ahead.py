"""What is made before it is asked for."""

import threading

import pytest

from genreclass.ahead import map_ahead


@pytest.mark.parametrize("n_ahead", [1, 2, 5])
def test_results_come_in_order_and_no_more_than_so_many_are_begun(n_ahead):
    begun, makers = [], set()

    def make(item):
        begun.append(item)
        makers.add(threading.current_thread())
        return item**2

    for place, made in enumerate(map_ahead(make, range(10), n_ahead=n_ahead)):
        assert made == place**2
        assert len(begun) <= place + 1 + n_ahead
    assert place == 9
    assert threading.current_thread() not in makers


def test_the_next_is_made_while_one_is_worked_with():
    next_begun = threading.Event()

    def make(item):
        if item == 1:
            next_begun.set()
        return item

    assert next(map_ahead(make, range(3), n_ahead=1)) == 0
    assert next_begun.wait(10)


def test_an_error_is_raised_where_its_item_is_asked_for():
    def make(item):
        return 1 / (2 - item)

    made = map_ahead(make, range(4), n_ahead=2)
    assert [next(made), next(made)] == [0.5, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(made)


def test_of_nothing_comes_nothing():
    assert list(map_ahead(str, [], n_ahead=2)) == []
