#!/usr/bin/env python3
"""Makes golden.csv: when cron rules fire around changes of the clocks, by Python's zoneinfo.

It shares no code and no method with the evaluator that it judges: it walks through time minute by minute and
looks at what the wall clock shows.

* Elapsed rules (the hour begins with `*`) fire in each minute whose wall time fits.
* Named times fire in the minute in which the wall clock reaches or passes a time that fits for the first time.
  A date of which no minute is ever shown fires nothing.

Usage: python3 oracle.py > golden.csv
"""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

# Each with the year from which on four changes of the clocks are taken.
ZONES = [
    ("America/New_York", 2026),
    ("America/Sao_Paulo", 2016),
    ("Europe/London", 2026),
    ("Europe/Berlin", 2025),
    ("Europe/Dublin", 2027),
    ("Africa/Casablanca", 2025),
    ("Africa/Cairo", 2025),
    ("Asia/Kolkata", 1941),
    ("Australia/Lord_Howe", 2026),
    ("Pacific/Chatham", 2025),
    ("Pacific/Apia", 2011),
    ("UTC", None),
]
# UTC has no changes: ordinary turns of the calendar instead.
CALENDAR = [(2024, 2, 29, 0), (2024, 12, 31, 23), (2026, 3, 1, 0), (2028, 2, 28, 12)]

RULES = [
    "30 2 * * *",
    "15 0 * * *",
    "0 9 * * 1-5",
    "0,30 1-3 * * *",
    "*/20 2 * * sun",
    "45 23 13 * fri",
    "0 0 1 * *",
    "*/15 * * * *",
    "0 * * * *",
    "7 */2 * * mon,thu,sat-sun",
]
FIRINGS = 4
MINUTE = timedelta(minutes=1)
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def numbers(field, low, high):
    found = set()
    for part in field.split(","):
        part, _, step = part.partition("/")
        if part == "*":
            first, last = low, high
        else:
            first, _, last = part.partition("-")
            first = DAYS.index(first) if first in DAYS else int(first)
            last = first if last == "" else DAYS.index(last) if last in DAYS else int(last)
            if low == 0 and high == 6 and last < first:
                last += 7
        found |= {n % 7 if high == 6 else n for n in range(first, last + 1, int(step or 1))}
    return found


class Rule:
    def __init__(self, text):
        minute, hour, day, month, weekday = text.split()
        self.minutes, self.hours = numbers(minute, 0, 59), numbers(hour, 0, 23)
        self.days, self.months = numbers(day, 1, 31), numbers(month, 1, 12)
        self.weekdays = numbers(weekday, 0, 6)
        self.either = not day.startswith("*") and not weekday.startswith("*")
        self.elapsed = hour.startswith("*")

    def fits(self, wall):
        if wall.minute not in self.minutes or wall.hour not in self.hours:
            return False
        if wall.month not in self.months:
            return False
        by_day = wall.day in self.days
        by_weekday = (wall.weekday() + 1) % 7 in self.weekdays
        return (by_day or by_weekday) if self.either else (by_day and by_weekday)


def wall_at(at, zone):
    return at.astimezone(zone).replace(tzinfo=None)


def firings(rule, zone, after):
    found, at = [], after - timedelta(days=2)
    highest = wall_at(at, zone)
    while len(found) < FIRINGS:
        at += MINUTE
        wall = wall_at(at, zone)
        if rule.elapsed:
            fires = rule.fits(wall)
        else:
            fires, shown = False, {highest.date(), wall.date()}
            while highest < wall:
                highest += MINUTE
                fires = fires or (highest.date() in shown and rule.fits(highest))
        if fires and at > after:
            found.append(at)
    return found


def changes(zone, year):
    at = datetime(year, 1, 1, tzinfo=timezone.utc)
    found = []
    while len(found) < 4:
        later = at + timedelta(hours=1)
        if at.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            exact = at
            while exact.astimezone(zone).utcoffset() == at.astimezone(zone).utcoffset():
                exact += MINUTE
            found.append(exact)
        at = later
    return found


def main():
    print("zone,rule,after,firings")
    for name, year in ZONES:
        zone = ZoneInfo(name)
        if year is None:
            turns = [datetime(*turn, tzinfo=timezone.utc) for turn in CALENDAR]
        else:
            turns = changes(zone, year)
        for turn in turns:
            for text in RULES:
                rule = Rule(text)
                # Named times from the day before on, elapsed ones close to the change.
                after = turn - (timedelta(minutes=95) if rule.elapsed else timedelta(hours=30))
                stamp = lambda at: at.strftime("%Y-%m-%dT%H:%MZ")
                row = " ".join(stamp(at) for at in firings(rule, zone, after))
                print(f"{name},\"{text}\",{stamp(after)},{row}")


main()
