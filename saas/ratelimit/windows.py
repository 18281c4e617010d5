"""One counter, as it stands after a hit, and what follows from it."""

import math
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window after one hit.

    Hits of the window before count in proportion to how much of it the sliding window still covers: `left / period`.
    Times are seconds by the store's clock, counted from the hit.
    """

    limit: int  # hits in each period
    period: int  # seconds
    cost: int  # how many hits this one counted as
    allowed: bool
    previous: int  # accepted hits of the window before
    current: int  # accepted hits of this window
    left: float  # seconds until this window ends and becomes the one before
    at: float = field(default_factory=time.time)  # when the hit was answered, in seconds since 1970

    @property
    def used(self) -> int:
        return math.floor(self.previous * self.left / self.period) + self.current

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def resets_in(self) -> int:
        """Whole seconds until this window ends; from 1 to `period`."""
        return max(1, math.ceil(self.left))

    @property
    def resets_at(self) -> int:
        """The end of this window in seconds since 1970."""
        return math.ceil(self.at + self.left)

    @property
    def retry_after(self) -> int:
        """Whole seconds until a hit of the same cost is accepted, 0 when it would be now."""
        return math.ceil(self._wait())

    def _wait(self) -> float:
        room = self.limit - self.cost + 1  # what is counted must stay below it
        if self.used < room:
            return 0
        if self.current < room:
            return max(self.left - (room - self.current) * self.period / self.previous, 0.001)
        return self.left + max(0, self.period - room * self.period / self.current)
