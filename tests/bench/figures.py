"""What a measurement comes to: a value, what it should be at most or at least, and by how much it is off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """`details`: what the value was made of, for whoever wants to know why."""

    name: str
    value: float
    unit: str
    target: float | None = None
    """The most it may be; None where nothing was promised."""
    details: dict[str, Any] | None = None
    least: bool = False
    """The target is the least that it may be."""

    @property
    def ok(self) -> bool:
        return self.off == 0.0

    @property
    def off(self) -> float:
        """How far the value is beyond the target, 0 where it isn't."""
        if self.target is None:
            return 0.0
        return max(0.0, self.target - self.value if self.least else self.value - self.target)

    def record(self) -> dict[str, Any]:
        """As `make bench` prints it; `by` is how far beyond the target the value is, 0 where it isn't."""
        return {
            "value": rounded(self.value),
            "unit": self.unit,
            "target": self.target,
            "ok": self.ok,
            "by": rounded(self.off),
            **({"at least": True} if self.least else {}),
            **({"details": self.details} if self.details else {}),
        }

    def line(self) -> str:
        """The same for people."""
        told = "" if self.target is None else f"{'≥' if self.least else '≤'} {self.target:g}"
        verdict = "" if self.target is None else "ok" if self.ok else f"missed by {rounded(self.off):g}"
        return f"{self.name:<34}{rounded(self.value):>10g} {self.unit:<8}{told:<10}{verdict}"


def rounded(value: float) -> float:
    """Three significant digits after the point for small values, fewer for large ones."""
    return round(value, 3 if abs(value) < 10 else 1)


def summary(values: Sequence[float], scale: float = 1.0) -> dict[str, float]:
    """Median, least and greatest of `values`, times `scale`: how far apart the runs were."""
    scaled = [value * scale for value in values]
    return {"median": rounded(median(scaled)), "least": rounded(min(scaled)), "greatest": rounded(max(scaled))}
