"""A model that keeps failing rests, longer each time, and one request tries it again."""

from __future__ import annotations

import pytest

from jupyter_chatide.gateway.breaker import Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.asked("m")
        breaker.failed("m")


def test_three_failures_in_a_row_begin_a_rest(clock: Clock) -> None:
    breaker = Breaker(clock)
    fail(breaker, 2)
    assert breaker.rest("m") == 0
    fail(breaker)
    assert breaker.rest("m") == 30 and breaker.rest("other") == 0
    clock.now += 29
    assert breaker.rest("m") == 1
    clock.now += 1
    assert breaker.rest("m") == 0


def test_an_answer_ends_the_row(clock: Clock) -> None:
    breaker = Breaker(clock)
    for _ in range(5):
        fail(breaker, 2)
        breaker.answered("m")
    assert breaker.rest("m") == 0


def test_each_further_rest_is_twice_as_long_up_to_five_minutes(clock: Clock) -> None:
    breaker = Breaker(clock)
    fail(breaker, 3)
    rests = []
    for _ in range(6):
        rests.append(breaker.rest("m"))
        clock.now += rests[-1]
        fail(breaker)
    assert rests == [30, 60, 120, 240, 300, 300]
    clock.now += 300
    breaker.asked("m")
    breaker.answered("m")
    fail(breaker, 3)
    assert breaker.rest("m") == 30


def test_after_the_rest_one_request_tries_while_others_pass_by(clock: Clock) -> None:
    breaker = Breaker(clock)
    fail(breaker, 3)
    clock.now += 30
    assert breaker.rest("m") == 0
    breaker.asked("m")
    assert breaker.rest("m") > 0
    breaker.left("m")  # it was stopped: the next one tries
    assert breaker.rest("m") == 0
    breaker.asked("m")
    breaker.answered("m")
    assert breaker.rest("m") == 0
    fail(breaker, 2)
    assert breaker.rest("m") == 0


def test_failures_of_requests_under_way_do_not_lengthen_the_rest(clock: Clock) -> None:
    breaker = Breaker(clock)
    fail(breaker, 10)
    assert breaker.rest("m") == 30
