"""Quiet hours and the ends of digests: across midnight, and when the clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saas.notifications.times import after_quiet, end_of_period, read_clock, zone_of

BERLIN, NEW_YORK, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")
ZONES = st.sampled_from([BERLIN, NEW_YORK, KATHMANDU, ZoneInfo("UTC"), ZoneInfo("Australia/Lord_Howe")])
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)).map(lambda each: each.replace(tzinfo=UTC))
CLOCKS = st.times().map(lambda each: each.replace(second=0, microsecond=0))


def berlin(text):
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "start", "end", "expected"),
    [
        ("2026-06-01 12:00", "22:00", "07:00", "2026-06-01 12:00"),
        ("2026-06-01 22:00", "22:00", "07:00", "2026-06-02 07:00"),
        ("2026-06-01 23:30", "22:00", "07:00", "2026-06-02 07:00"),
        ("2026-06-02 00:30", "22:00", "07:00", "2026-06-02 07:00"),
        ("2026-06-02 06:59", "22:00", "07:00", "2026-06-02 07:00"),
        ("2026-06-02 07:00", "22:00", "07:00", "2026-06-02 07:00"),
        ("2026-06-01 12:30", "12:00", "13:00", "2026-06-01 13:00"),
        ("2026-06-01 13:30", "12:00", "13:00", "2026-06-01 13:30"),
        ("2026-06-01 13:30", "12:00", "12:00", "2026-06-01 13:30"),
        # the night of 29 March has no 02:00 to 03:00, the one of 25 October has it twice
        ("2026-03-28 23:00", "22:00", "07:00", "2026-03-29 07:00"),
        ("2026-03-29 01:30", "01:00", "02:30", "2026-03-29 03:30"),
        ("2026-10-25 01:30", "22:00", "07:00", "2026-10-25 07:00"),
    ],
)
def test_a_mail_waits_for_the_end_of_quiet_hours(moment, start, end, expected):
    found = after_quiet(berlin(moment), start=read_clock(start), end=read_clock(end), zone=BERLIN)
    assert found == berlin(expected)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(moment=MOMENTS, start=CLOCKS, end=CLOCKS, zone=ZONES)
def test_quiet_hours_end_within_a_day_and_are_over_then(moment, start, end, zone):
    after = after_quiet(moment, start=start, end=end, zone=zone)
    assert moment <= after <= moment + timedelta(hours=25)
    if after != moment:
        local = after.astimezone(zone)
        assert (local.hour, local.minute) == (end.hour, end.minute) or local.fold or skipped(local, end, zone)


def skipped(local, end, zone):
    """Whether that day's clock never shows `end`."""
    there = datetime.combine(local.date(), end, tzinfo=zone)
    return there.astimezone(UTC).astimezone(zone).time() != end


def test_without_hours_nothing_is_quiet():
    moment = datetime(2026, 6, 1, 3, tzinfo=UTC)
    assert after_quiet(moment, start=None, end=time(7), zone=BERLIN) == moment
    assert read_clock("25:99") is None
    assert zone_of("Nowhere/Land") == ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("frequency", "moment", "expected"),
    [
        ("hourly", "2026-06-01 12:10", "2026-06-01 13:00"),
        ("hourly", "2026-06-01 12:00", "2026-06-01 13:00"),
        ("daily", "2026-06-01 07:59", "2026-06-01 08:00"),
        ("daily", "2026-06-01 08:00", "2026-06-02 08:00"),
        ("daily", "2026-03-28 12:00", "2026-03-29 08:00"),
        ("weekly", "2026-06-01 07:00", "2026-06-01 08:00"),  # a Monday
        ("weekly", "2026-06-01 09:00", "2026-06-08 08:00"),
        ("weekly", "2026-06-03 09:00", "2026-06-08 08:00"),
    ],
)
def test_a_period_ends_on_the_persons_clock(frequency, moment, expected):
    assert end_of_period(berlin(moment), frequency=frequency, zone=BERLIN) == berlin(expected)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(moment=MOMENTS, frequency=st.sampled_from(["hourly", "daily", "weekly"]), zone=ZONES)
def test_periods_follow_each_other(moment, frequency, zone):
    first = end_of_period(moment, frequency=frequency, zone=zone)
    second = end_of_period(first, frequency=frequency, zone=zone)
    assert moment < first < second
    assert second - first <= timedelta(days=7, hours=1)
