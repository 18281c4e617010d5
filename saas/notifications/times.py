"""When a mail may come: quiet hours, and the ends of a digest's periods, on the clock of the person's wall."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HOURLY, DAILY, WEEKLY = "hourly", "daily", "weekly"
DIGEST_HOUR = time(8)  # of the person's day
MONDAY = 0


def zone_of(name: str) -> ZoneInfo:
    """The zone, or UTC for a name that is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def read_clock(text: str | None) -> time | None:
    """ "22:30" as a time; None for nothing and for what is none."""
    try:
        return time.fromisoformat(text) if text else None
    except ValueError:
        return None


def at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The moment, UTC, at which that day's clock shows this time; in the hour that spring skips, right after it."""
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)


def after_quiet(moment: datetime, *, start: time | None, end: time | None, zone: ZoneInfo) -> datetime:
    """`moment`, or the end of the quiet hours that it falls into.  `end` before `start` means the next day's."""
    if start is None or end is None or start == end:
        return moment
    today = moment.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        finish = at(day if end > start else day + timedelta(days=1), end, zone)
        if at(day, start, zone) <= moment < finish:
            return finish
    return moment


def end_of_period(moment: datetime, *, frequency: str, zone: ZoneInfo) -> datetime:
    """The end, UTC, of the period that `moment` is in: the next full hour, the next morning, or Monday's.

    It lies after `moment`, so the ends of a row of periods grow.
    """
    if frequency == HOURLY:
        return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    day = moment.astimezone(zone).date()
    for ahead in range(9):
        finish = at(day + timedelta(days=ahead), DIGEST_HOUR, zone)
        is_last = frequency == DAILY or (day + timedelta(days=ahead)).weekday() == MONDAY
        if is_last and finish > moment:
            return finish
    raise AssertionError("There is a Monday in every nine days.")
