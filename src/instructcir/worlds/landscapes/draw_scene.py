"""A place to draw: what is known of it, and how the picture is divided between sky, water and ground."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from instructcir.worlds.landscapes.draw_figures import zone_of
from instructcir.worlds.landscapes.draw_light import Light
from instructcir.worlds.landscapes.draw_palette import mix
from instructcir.worlds.landscapes.facts import kinds_in
from instructcir.worlds.world import Facts

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Greenery:
    """A season's colours: grass, leaves of what grows far off, and specks in the grass."""

    grass: str
    leaves: str
    specks: tuple[str, ...]


SEASONS: Mapping[str, Greenery] = {
    "spring": Greenery("#9ad55c", "#a9dc74", ("#ffd3e4", "#ffffff", "#ffe98a", "#f7a8cb")),
    "summer": Greenery("#4f9f3f", "#2f7d3b", ("#3b8532", "#6db852", "#377d30")),
    "autumn": Greenery("#cf9c48", "#cc6a28", ("#b3541e", "#e0852c", "#8f4a1e", "#e9b23c")),
    "winter": Greenery("#d9dad2", "#9c9692", ("#f4f7f9", "#b9b8b0", "#ffffff")),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A place with its light and its measures.

    Attributes:
        setting: one of `facts.SETTINGS`.
        viewpoint: one of `facts.VIEWPOINTS`.
        season: one of `facts.SEASONS`; "summer" where none shows.
        light: time and weather.
        seed: of all that is left to chance.
        horizon: y where the land begins; 0 from above.
        shore: y where the water ends, in the sea and at a lake.
        sky: y between which flying things are.
        water: y of the baselines of what floats, from far to near.
        ground: y of the baselines of what stands, from far to near.
    """

    setting: str
    viewpoint: str
    season: str
    light: Light
    seed: int
    horizon: float
    shore: float
    sky: Span
    water: Span
    ground: Span

    @property
    def greenery(self) -> Greenery:
        """The season's colours, under snow where it snows."""
        plain = SEASONS[self.season]
        if self.light.weather != "snow":
            return plain
        return Greenery(mix(plain.grass, "#f6f9fc", 0.55), mix(plain.leaves, "#f6f9fc", 0.3), plain.specks)

    def snowy(self, colour: str, share: float = 0.6) -> str:
        """A ground's colour, under snow where it snows."""
        return mix(colour, "#f6f9fc", share) if self.light.weather == "snow" else colour

    def chance(self, what: str) -> random.Random:
        """Chance for one part of the picture, so that a change of another part leaves this one as it is."""
        return random.Random(f"{self.seed} {what}")


_HORIZONS = {"near": 70.0, "far": 42.0, "above": 0.0}
_SHORES = {"near": 97.0, "far": 92.0, "above": 88.0}
"""Where there is water; further away where nothing is on it."""


def scene_of(facts: Facts, look: int) -> Scene:
    """The place that these facts tell of."""
    setting, viewpoint = facts["setting"], facts["viewpoint"]
    rng = random.Random(f"{look} measures")
    horizon = _HORIZONS[viewpoint] + rng.uniform(-2, 2) * (viewpoint != "above")
    if setting in ("sea", "lake") and viewpoint == "near":
        horizon -= 12
    afloat = any(zone_of(kind, setting) == "water" for kind in kinds_in(facts))
    shore = _SHORES[viewpoint] + rng.uniform(-2, 2) - (0 if afloat else 9)
    if setting == "room":
        horizon = {"near": 86.0, "far": 62.0, "above": 24.0}[viewpoint] + rng.uniform(-2, 2)
    wet = setting in ("sea", "lake")
    top = shore + 5 if wet else horizon + {"near": 9, "far": 8, "above": 34}[viewpoint]
    if setting == "room":
        top = horizon + 12
    return Scene(
        setting=setting,
        viewpoint=viewpoint,
        season=facts.get("season", "summer"),
        light=Light(facts["time"], facts.get("weather", "clear")),
        seed=look,
        horizon=horizon,
        shore=shore,
        sky=(5.0, max(horizon - 3, 46.0)),
        water=(max(horizon + 6, 30.0), shore - 4),
        ground=(top, 123.0),
    )
