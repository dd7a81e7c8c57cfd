"""Small drawn pictures of every awkward kind."""

import numpy as np
from PIL import Image, ImageDraw


def _shapes(size: tuple[int, int], ground: str, ink: str, circle: bool) -> Image.Image:
    image = Image.new("RGB", size, ground)
    width, height = size
    box = (width // 5, height // 4, width * 4 // 5, height * 3 // 4)
    draw = ImageDraw.Draw(image)
    (draw.ellipse if circle else draw.rectangle)(box, fill=ink, outline="black")
    return image


def _gradient(width: int, height: int) -> Image.Image:
    across = np.linspace(0, 255, width)[None, :].repeat(height, 0)
    down = np.linspace(255, 0, height)[:, None].repeat(width, 1)
    planes = np.stack([across, down, (across + down) / 2], axis=-1)
    return Image.fromarray(planes.astype(np.uint8), "RGB")


def _stripes(width: int, height: int, period: int) -> Image.Image:
    on = (np.arange(height)[:, None] // period + np.zeros((1, width), int)) % 2
    planes = np.stack([on * 200 + 20, 90 - on * 60, on * 20 + 160], axis=-1)
    return Image.fromarray(planes.astype(np.uint8), "RGB")


def _noise(width: int, height: int, seed: int) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    return Image.fromarray(values.astype(np.uint8), "RGB")


def pictures() -> list[Image.Image]:
    """Ten RGB pictures: shapes, gradient, stripes, tall, wide, one pixel, noise."""
    return [
        _shapes((64, 64), "white", "red", circle=True),
        _shapes((80, 60), "navy", "yellow", circle=False),
        _gradient(70, 50),
        _stripes(56, 56, 7),
        _shapes((30, 210), "olive", "white", circle=True),
        _shapes((240, 24), "pink", "green", circle=False),
        Image.new("RGB", (1, 1), (10, 200, 90)),
        _noise(48, 64, seed=1),
        _noise(150, 130, seed=2),
        Image.new("RGB", (100, 100), "black"),
    ]
