"""Values to colours: alpha, 16 bits, floats, CMYK and ICC profiles, with the exact pixel where one can be stated."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from instructcir.colours import from_16_bits, to_srgb
from instructcir.images import open_rgb


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(bits: int, colour_type: int, row: bytes, width: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of one row by hand: Pillow cannot write 16-bit colour nor the clear colour of every kind."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, 1, bits, colour_type, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *(chunk(*each) for each in chunks)]
    parts += [chunk(b"IDAT", zlib.compress(b"\0" + row)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def icc(space: bytes, kind: bytes, tags: dict[bytes, bytes], pcs: bytes = b"XYZ ") -> bytes:
    """A minimal ICC version 2 profile."""
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"t\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + b"0\0",
    } | tags
    place, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = place + len(body)
    header = struct.pack(">I4xI4s4s4s12s4s", size, 0x02100000, kind, space, pcs, bytes(12), b"acsp").ljust(68, b"\0")
    header += struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">iii", *(round(value * 65536) for value in (x, y, z)))


def gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))


WHITE = xyz(0.9642, 1.0, 0.8249)
ADOBE_RGB = icc(
    b"RGB ",
    b"mntr",
    {
        b"wtpt": WHITE,
        b"rXYZ": xyz(0.60974, 0.31111, 0.01947),
        b"gXYZ": xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": xyz(0.14919, 0.06322, 0.74457),
        b"rTRC": gamma(2.19921875),
        b"gTRC": gamma(2.19921875),
        b"bTRC": gamma(2.19921875),
    },
)
STEPS = np.linspace(0, 1, 40)
CURVE = np.where(STEPS > 0.04045, ((STEPS + 0.055) / 1.055) ** 2.4, STEPS / 12.92)
TABLE = b"curv" + bytes(4) + struct.pack(">I40H", 40, *np.rint(CURVE * 65535).astype(int).tolist())
ROUNDED_SRGB = icc(  # somebody else's sRGB: a table for a curve, primaries of four digits
    b"RGB ",
    b"mntr",
    {
        b"wtpt": WHITE,
        b"rXYZ": xyz(0.4361, 0.2225, 0.0139),
        b"gXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"rTRC": TABLE,
        b"gTRC": TABLE,
        b"bTRC": TABLE,
    },
)
LINEAR_GRAY = icc(b"GRAY", b"mntr", {b"wtpt": WHITE, b"kTRC": gamma(1.0)})
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def cmyk_profile() -> bytes:
    """An ink whose cyan is a pure dark gray: nobody's arithmetic would give that."""
    ramp = bytes(range(256))
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    corners = b"".join(
        bytes([0 if k else 64 if c else 255, 128, 128]) for c in (0, 1) for _ in range(4) for k in (0, 1)
    )
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + corners + ramp * 3
    return icc(b"CMYK", b"prtr", {b"wtpt": WHITE, b"A2B0": lut, b"A2B1": lut}, pcs=b"Lab ")


def first(source: Any) -> Any:
    return open_rgb(source).getpixel((0, 0))


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("RGBA", (200, 100, 0, 0), (255, 255, 255)),
        ("RGBA", (200, 100, 0, 255), (200, 100, 0)),
        ("RGBA", (200, 100, 0, 51), (244, 224, 204)),
        ("LA", (100, 51), (224, 224, 224)),
        ("La", (20, 51), (224, 224, 224)),
        ("RGBa", (40, 20, 0, 51), (244, 224, 204)),
        ("1", 255, (255, 255, 255)),
        ("1", 0, (0, 0, 0)),
        ("L", 77, (77, 77, 77)),
        ("RGBX", (1, 2, 3, 0), (1, 2, 3)),
        ("CMYK", (0, 0, 0, 0), (255, 255, 255)),
        ("CMYK", (255, 0, 0, 0), (0, 255, 255)),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
        ("YCbCr", (90, 128, 128), (90, 90, 90)),
        ("HSV", (0, 255, 200), (200, 0, 0)),
    ],
)
def test_a_pixel_of_each_mode_has_the_colour_it_shows_on_white(mode: str, value: Any, expected: Any) -> None:
    pixel = Image.frombytes(mode, (1, 1), bytes(value)) if isinstance(value, tuple) else Image.new(mode, (1, 1), value)
    assert first(pixel) == expected


def test_lab_has_its_lightness() -> None:
    for lightness, gray in ((0, 0), (255, 255), (round(2.55 * 53.585), 128)):
        assert np.allclose(first(Image.frombytes("LAB", (1, 1), bytes([lightness, 0, 0]))), gray, atol=1)


@pytest.mark.parametrize("level", [0, 1, 51, 128, 254, 255])
def test_compositing_is_the_rounded_mean_of_colour_and_white(level: int) -> None:
    ramp = np.arange(256)
    rgba = np.stack([ramp, ramp, ramp, np.full(256, level)], axis=-1).astype(np.uint8)[None]
    expected = np.floor((ramp * level + 255 * (255 - level)) / 255 + 0.5)
    assert np.array_equal(np.asarray(open_rgb(rgba))[0, :, 0], expected)
    assert np.array_equal(np.asarray(open_rgb(Image.merge("LA", Image.fromarray(rgba).split()[2:])))[0, :, 0], expected)


def test_a_palettes_transparency_as_an_index_as_a_table_and_as_rgba_colours() -> None:
    picture = Image.new("P", (3, 1))
    picture.putpalette([10, 20, 30, 200, 100, 0, 1, 2, 3])
    picture.putdata([0, 1, 2])
    expected = {0: [(255, 255, 255), (200, 100, 0), (1, 2, 3)], b"\xff\x33": [(10, 20, 30), (244, 224, 204), (1, 2, 3)]}
    for transparency, colours in expected.items():
        source = encoded(picture, transparency=transparency)
        assert [open_rgb(source).getpixel((x, 0)) for x in range(3)] == colours
        picture.info["transparency"] = transparency
        assert [open_rgb(picture).getpixel((x, 0)) for x in range(3)] == colours
    del picture.info["transparency"]
    picture.putpalette([10, 20, 30, 0, 200, 100, 0, 51, 1, 2, 3, 255], "RGBA")
    assert [open_rgb(picture).getpixel((x, 0)) for x in range(3)] == [(255, 255, 255), (244, 224, 204), (1, 2, 3)]
    assert first(Image.merge("PA", (picture, Image.new("L", (3, 1), 0)))) == (255, 255, 255)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (png(8, 0, bytes([5, 9]), 2, (b"tRNS", struct.pack(">H", 5))), [255, 9]),
        (png(1, 0, b"\x40", 2, (b"tRNS", struct.pack(">H", 1))), [0, 255]),
        (png(1, 0, b"\x40", 2, (b"tRNS", struct.pack(">H", 0))), [255, 255]),
        (png(8, 2, bytes([5, 5, 5, 9, 9, 9]), 2, (b"tRNS", struct.pack(">HHH", 5, 5, 5))), [255, 9]),
        (png(16, 0, struct.pack(">HH", 500, 501 * 20), 2, (b"tRNS", struct.pack(">H", 500))), [255, 39]),
        (
            png(
                16,
                2,
                struct.pack(">6H", *[0x0507] * 3, *[0x0A00] * 3),
                2,
                (b"tRNS", struct.pack(">HHH", *[0x0507] * 3)),
            ),
            [255, 10],
        ),
    ],
    ids=["gray 8", "gray 1 white", "gray 1 black", "rgb 8", "gray 16", "rgb 16"],
)
def test_the_one_clear_colour_of_a_png_shows_white(data: bytes, expected: list[int]) -> None:
    assert np.asarray(open_rgb(data))[0].tolist() == [[value] * 3 for value in expected]


@pytest.mark.parametrize(
    ("mode", "junk"), [("L", b"\0\1"), ("RGB", 10**30), ("RGB", "red"), ("P", (1, 2, 3)), ("P", 999)]
)
def test_a_clear_colour_that_the_mode_cannot_have_clears_nothing(mode: str, junk: Any) -> None:
    picture = Image.new(mode, (2, 2), 0)
    picture.info["transparency"] = junk
    assert first(picture) == (0, 0, 0)


def test_sixteen_bits_are_rounded_to_the_nearest_of_eight() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.floor(np.arange(65536) / 257 + 0.5).reshape(256, 256)
    assert np.array_equal(from_16_bits(values), expected)
    gray = Image.fromarray(values)
    for source in (
        values,
        values.astype(">u2"),
        gray,
        encoded(gray),
        encoded(gray, "TIFF"),
        encoded(gray, "TIFF", compression="tiff_lzw"),
        Image.fromarray(values.astype(np.int32)),
        Image.frombytes("I;16B", gray.size, values.astype(">u2").tobytes()),
        b"P5 256 256 65535\n" + values.astype(">u2").tobytes(),
    ):
        assert np.array_equal(np.asarray(open_rgb(source)), np.stack([expected] * 3, axis=-1))
    colours = np.stack([values, values[::-1], values.T], axis=-1)
    assert np.array_equal(np.asarray(open_rgb(colours)), from_16_bits(colours))


def test_integers_beyond_sixteen_bits_are_clipped() -> None:
    assert np.asarray(open_rgb(Image.fromarray(np.array([[-5, 65536 * 4]], np.int32))))[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.4, 300.0], [0, 100, 255]),
        ([-1.0, 0.5, 1.0], [0, 0, 1]),
        ([np.nan, 0.5, 1.0], [0, 128, 255]),
        ([np.inf, -np.inf, 7.0], [255, 0, 7]),
    ],
)
def test_mode_f_spans_zero_to_one_or_else_is_clipped_to_bytes(values: list[float], expected: list[int]) -> None:
    picture = Image.fromarray(np.array([values], np.float32))
    for source in (picture, encoded(picture, "TIFF")):
        assert np.asarray(open_rgb(source))[0, :, 0].tolist() == expected


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_files_have_the_colours_they_were_saved_with(kind: str) -> None:
    inks = Image.new("CMYK", (32, 16), (0, 0, 0, 0))
    inks.paste((0, 255, 255, 0), (16, 0, 32, 16))
    picture = open_rgb(encoded(inks, kind))
    assert np.allclose(picture.getpixel((3, 8)), (255, 255, 255), atol=3)
    assert np.allclose(picture.getpixel((28, 8)), (255, 0, 0), atol=3)


def test_an_adobe_ycck_jpeg_has_its_colours() -> None:
    # The same file with the Adobe marker's transform set to 2: its samples, inverted inks, then are Y, Cb, Cr, K.
    data = bytearray(encoded(Image.new("CMYK", (16, 16), (255 - 90, 255 - 128, 255 - 128, 0)), "JPEG", quality=100))
    at = data.index(b"Adobe")
    assert data[at + 11] == 0
    data[at + 11] = 2
    # YCC (90, 128, 128) is "RGB" (90, 90, 90), inks of 165 to libjpeg; inverted, as Adobe means them, inks of 90.
    assert np.allclose(first(bytes(data)), (165, 165, 165), atol=3)


def test_a_cmyk_profile_decides_the_colours_of_inks() -> None:
    inks = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    assert first(encoded(inks, "TIFF")) == (0, 255, 255)
    red, green, blue = first(encoded(inks, "TIFF", icc_profile=cmyk_profile()))
    assert red == green == blue
    assert 40 <= red <= 80
    white = Image.new("CMYK", (8, 8), (0, 0, 0, 0))
    assert first(encoded(white, "JPEG", icc_profile=cmyk_profile())) == (255, 255, 255)


def test_an_srgb_profile_leaves_the_pixels_bit_identical() -> None:
    values = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    for profile in (SRGB, ROUNDED_SRGB):
        tagged = encoded(Image.fromarray(values), icc_profile=profile)
        assert b"iCCP" in tagged
        assert np.array_equal(np.asarray(open_rgb(tagged)), values)
    gray = encoded(Image.fromarray(values[:, :, 0]), icc_profile=SRGB)
    assert np.array_equal(np.asarray(open_rgb(gray))[:, :, 0], values[:, :, 0])


def test_a_wide_gamut_profile_is_converted_to_srgb() -> None:
    # Adobe RGB (200, 100, 50): linear by 2.2, through its matrix to XYZ, into sRGB by the standard's own formulas.
    adobe = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
    srgb = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
    linear = np.linalg.solve(srgb, adobe @ (np.array([200, 100, 50]) / 255) ** 2.19921875).clip(0, 1)
    expected = 255 * np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    picture = Image.new("RGB", (4, 4), (200, 100, 50))
    indexed = Image.new("P", (4, 4), 0)
    indexed.putpalette([200, 100, 50])
    for each in (picture, indexed):
        assert np.abs(np.array(first(encoded(each, icc_profile=ADOBE_RGB))) - expected).max() <= 1.5
    clear = Image.new("RGBA", (4, 4), (200, 100, 50, 0))
    assert first(encoded(clear, icc_profile=ADOBE_RGB)) == (255, 255, 255)


def test_a_profile_a_little_off_srgb_is_converted_too() -> None:
    near = icc(b"GRAY", b"mntr", {b"wtpt": WHITE, b"kTRC": gamma(2.2)})
    expected = 255 * 12.92 * (10 / 255) ** 2.2  # 3: the two curves differ most in the shadows
    assert abs(first(encoded(Image.new("L", (4, 4), 10), icc_profile=near))[0] - expected) <= 1


def test_a_gray_profile_is_converted_to_srgb() -> None:
    expected = round(255 * (1.055 * (100 / 255) ** (1 / 2.4) - 0.055))
    for picture in (Image.new("L", (4, 4), 100), Image.new("LA", (4, 4), (100, 255))):
        red, green, blue = first(encoded(picture, icc_profile=LINEAR_GRAY))
        assert red == green == blue
        assert abs(red - expected) <= 1


@pytest.mark.parametrize(
    "profile", [b"garbage", SRGB[:200], ADOBE_RGB[:300], bytes(500), LINEAR_GRAY, cmyk_profile()], ids=range(6)
)
def test_a_broken_or_foreign_profile_is_ignored(profile: bytes) -> None:
    assert first(encoded(Image.new("RGB", (4, 4), (200, 100, 50)), icc_profile=profile)) == (200, 100, 50)


def test_a_profile_that_is_no_bytes_is_ignored() -> None:
    picture = Image.new("RGB", (1, 1), (200, 100, 50))
    picture.info["icc_profile"] = 3
    assert first(picture) == (200, 100, 50)


def test_one_profile_is_shared_by_threads() -> None:
    rng = np.random.default_rng(0)
    sources = [
        encoded(Image.fromarray(rng.integers(0, 256, (90, 90, 3), np.uint8)), icc_profile=ADOBE_RGB) for _ in range(6)
    ]
    alone = [open_rgb(source).tobytes() for source in sources]
    found: list[bool] = []

    def work() -> None:
        found.extend(open_rgb(source).tobytes() == expected for source, expected in zip(sources, alone, strict=True))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 24


def test_opaque_srgb_is_handed_through_without_a_copy() -> None:
    picture = Image.new("RGB", (2, 2))
    assert to_srgb(picture) is picture
