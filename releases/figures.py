"""How a measured figure is written: three significant digits, its unit after a thin space, a dash for none."""

import math

MISSING = "–"
THIN = "\u202f"
"""The thin space between a figure and its unit; it does not break."""


def number(value: float | None, unit: str = "") -> str:
    """Return a measured figure with three significant digits and its unit: `810 ms`, `1,230 ms`, `0.412 s`."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = _significant(value)
    return f"{text}{THIN}{unit}" if unit else text


def beside(value: float, limit: float) -> str:
    """Write a figure that broke a limit with the digits that it takes to tell them apart: `300.4` beside 300."""
    written = (_significant(value, digits) for digits in range(3, 8))
    return next((text for text in written if text != _significant(limit)), _significant(value))


def _significant(value: float, digits: int = 3) -> str:
    if value == 0:
        return "0"
    # The exponent after rounding, so that 9.996 is 10.0 and not 10.00.
    exponent = int(f"{abs(value):.{digits - 1}e}".split("e")[1])
    places = digits - 1 - exponent
    rounded = round(value, places)
    if places <= 0 or rounded == int(rounded):
        return _minus(f"{int(rounded):,}")
    return _minus(f"{rounded:,.{places}f}".rstrip("0").rstrip("."))


def _minus(text: str) -> str:
    return text.replace("-", "−")


def change(before: float | None, after: float | None, unit: str = "") -> str:
    """Return `+295 % (205 → 810 ms)`; only the two figures where a percentage means nothing; a dash without both."""
    if before is None or after is None:
        return MISSING
    if before == after:
        return f"unchanged ({number(after, unit)})"
    figures = f"{number(before)} → {number(after, unit)}"
    if before <= 0:
        return figures
    percent = (after - before) / before * 100
    sign = "+" if percent > 0 else "−"
    return f"{sign}{_significant(abs(percent))}{THIN}% ({figures})"
