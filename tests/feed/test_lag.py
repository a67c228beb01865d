"""How far behind a reader is: the age of the oldest byte that it has not read, not since when it has had unread ones."""

from diamond_viewer.feed.lag import Lag


def test_a_reader_that_has_read_all_is_not_behind() -> None:
    lag = Lag()
    lag.look(100, 0, now_s=1.0)
    lag.look(100, 100, now_s=2.0)
    assert lag.at(9.0) == 0


def test_a_file_that_nobody_reads_gets_older() -> None:
    lag = Lag()
    lag.look(100, 0, now_s=1.0)
    lag.look(900, 0, now_s=5.0)
    assert lag.at(6.0) == 5.0


def test_a_reader_that_is_always_one_look_behind_is_never_further_behind() -> None:
    lag = Lag()
    for step in range(1, 1000):
        lag.look(step * 100, (step - 1) * 100, now_s=float(step))
        assert lag.at(float(step)) == 0
        assert lag.at(step + 0.5) == 0.5


def test_what_was_unread_before_a_truncation_is_no_lag() -> None:
    lag = Lag()
    lag.look(900, 100, now_s=1.0)
    lag.look(50, 0, now_s=7.0)
    assert lag.at(8.0) == 1.0


def test_a_reader_that_falls_ever_further_behind_needs_no_more_memory_and_is_never_flattered() -> None:
    lag = Lag()
    for step in range(1, 100_000):
        lag.look(step * 1000, step * 400, now_s=float(step))
        assert len(lag._looks) < 1000
    true_s = 99_999 * 0.6
    assert true_s - 1 <= lag.at(99_999.0) <= true_s * 1.1


def test_what_cannot_be_read_is_forgotten() -> None:
    lag = Lag()
    lag.look(900, 100, now_s=1.0)
    lag.forget()
    assert lag.at(8.0) == 0
