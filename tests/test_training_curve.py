"""A run's losses as a picture: shares are not drawn as losses, and small losses stay readable beside large ones."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from instructcir.training.curve import curves, draw_curve

LINES = [{"step": step, "loss": 40 / step, "told": 0.3, "learning_rate": 0.1} for step in range(1, 50)]


def test_losses_alone_have_one_panel_and_rates_are_left_out(tmp_path: Path) -> None:
    [panel] = curves(LINES, "some run").axes
    assert [line.get_label() for line in panel.lines] == ["loss", "told"]
    assert panel.get_yscale() == "log"
    assert curves([{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}], "short").axes[0].get_yscale() == "linear"
    draw_curve(LINES, tmp_path / "loss.png", "some run")
    with Image.open(tmp_path / "loss.png") as image:
        assert image.size == (960, 540)


def test_shares_have_a_panel_of_their_own_from_nothing_to_all() -> None:
    losses, shares = curves([{**line, "right of pictures": 0.5} for line in LINES], "some run").axes
    assert "right of pictures" not in [line.get_label() for line in losses.lines]
    assert [line.get_label() for line in shares.lines] == ["right of pictures"]
    assert shares.get_ylim() == (0, 1)


def test_a_loss_that_is_nothing_is_drawn_too() -> None:
    [panel] = curves([{"step": 1, "loss": 0.0}, {"step": 2, "loss": 5.0}], "some run").axes
    assert list(panel.lines[0].get_ydata()) == [0.0, 5.0]
