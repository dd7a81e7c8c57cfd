"""What time and weather do to colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from instructcir.worlds.landscapes.draw_palette import channels, mix

_HEX = re.compile("#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Glow:
    """The light of a time of day.

    Attributes:
        sky: colours at the top, in the middle and at the horizon.
        grey: of an overcast sky.
        cloud: of a cloud's lit side.
        filter: share of red, green and blue that reaches the land.
        tint: what is mixed into everything.
        share: how much of it.
    """

    sky: tuple[str, str, str]
    grey: str
    cloud: str
    filter: tuple[float, float, float]
    tint: str
    share: float


GLOWS: Mapping[str, Glow] = {
    "dawn": Glow(("#93a5dc", "#f3b3c6", "#ffe3cf"), "#c0a9b4", "#ffe9ea", (1.0, 0.9, 0.93), "#f2a4b8", 0.12),
    "day": Glow(("#3f95e2", "#86c2f2", "#dcf0fa"), "#a6b2bd", "#ffffff", (1, 1, 1), "#ffffff", 0.0),
    "sunset": Glow(("#5a4a94", "#e66f52", "#ffc66a"), "#a67f72", "#ffcf9e", (1.0, 0.8, 0.68), "#f0762c", 0.15),
    "night": Glow(("#0b1230", "#1a2552", "#37467e"), "#2b314a", "#56608c", (0.6, 0.64, 0.78), "#1a2560", 0.27),
}
_OVERCAST = {"clear": 0.0, "cloudy": 0.32, "rain": 0.68, "snow": 0.66, "fog": 0.78}
_PALENESS = {"snow": 0.4, "fog": 0.3}


@dataclass(frozen=True, slots=True)
class Light:
    """The light in a picture: time of day and weather ("clear" in a room)."""

    time: str
    weather: str

    @property
    def night(self) -> bool:
        """Whether lamps and windows shine."""
        return self.time == "night"

    @property
    def glow(self) -> Glow:
        """The colours of this time."""
        return GLOWS[self.time]

    @property
    def haze(self) -> str:
        """The overcast sky's colour, paler in snow and fog."""
        return _haze(self.time, self.weather)

    def sky(self) -> tuple[str, str, str]:
        """Colours of the sky at the top, in the middle and at the horizon."""
        return _sky(self.time, self.weather)

    def far(self, colour: str, share: float) -> str:
        """The colour of something far away, not yet in this light: `share` of it is lost in the air."""
        return mix(_shone(colour, self.time, self.weather, 1.0), self.sky()[2], share)

    def on(self, markup: str, strength: float = 1.0) -> str:
        """Markup with every "#rrggbb" in this light; colours written otherwise shine by themselves.

        Args:
            markup: SVG.
            strength: 1 for the land; less for things, whose colours must stay easy to name.
        """
        time, weather = self.time, self.weather
        return _HEX.sub(lambda found: _shone(found[0], time, weather, strength), markup)


@cache
def _haze(time: str, weather: str) -> str:
    glow = GLOWS[time]
    return mix(glow.grey, glow.cloud, _PALENESS.get(weather, 0.0))


@cache
def _sky(time: str, weather: str) -> tuple[str, str, str]:
    haze, share = _haze(time, weather), _OVERCAST[weather]
    top, middle, bottom = GLOWS[time].sky
    return mix(top, haze, share), mix(middle, haze, share), mix(bottom, haze, share)


@lru_cache(maxsize=65536)
def _shone(colour: str, time: str, weather: str, strength: float) -> str:
    glow = GLOWS[time]
    parts = [round(part * (1 - strength * (1 - f))) for part, f in zip(channels(colour), glow.filter, strict=True)]
    seen = mix("#{:02x}{:02x}{:02x}".format(*parts), glow.tint, glow.share * strength)
    if weather in ("rain", "fog"):
        seen = mix(seen, glow.grey, (0.16 if time == "night" else 0.26) * strength)
    return seen


def fixed(markup: str) -> str:
    """Markup whose colours are in the light already, written so that `Light.on` leaves them."""
    return _HEX.sub(_decimal, markup)


def _decimal(found: re.Match[str]) -> str:
    return "rgb({},{},{})".format(*channels(found[0]))
