"""How far simulated ions get: diffusivities of random walks with their error bars, hops, and the Haven ratio."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from migbar.dynamics import DynamicsError, Trajectory, tracer_diffusion
from migbar.dynamics.analysis import BLOCKS, LEVEL, STUDENT, count_hops
from tests.core.test_dynamics import result


def walk(
    hops: int, together: int = 1, n_ions: int = 24, n_frames: int = 1001, seed: int = 0
) -> tuple[Trajectory, float]:
    """Return ions that hop at random by 2.5 Å, some of them always together, and their diffusivity in cm²/s."""
    random = np.random.default_rng(seed)
    chance = hops / (n_frames * n_ions)
    steps = np.zeros((n_frames, n_ions // together, 3))
    frames, groups = np.nonzero(random.random(steps.shape[:2]) < chance)
    axes = random.integers(0, 3, len(frames))
    steps[frames, groups, axes] = random.choice([-2.5, 2.5], len(frames))
    ions = np.repeat(steps.cumsum(axis=0), together, axis=1)
    ions += 0.2 * random.standard_normal(ions.shape)
    host = 0.1 * random.standard_normal((n_frames, 8, 3))
    drift = np.linspace([[0, 0, 0]], [[30, 0, 0]], n_frames)
    positions = np.concatenate([ions, host], axis=1) + drift
    numbers = np.array([3] * n_ions + [8] * 8)
    full = Trajectory(
        900.0, numbers, 20 * np.eye(3), 0.02, positions.astype(np.float32), np.full(n_frames, 905.0)
    )
    return full, chance * 2.5**2 / 6 / 0.02 * 1e-4


def test_that_a_random_walk_has_its_diffusivity():
    trajectory, expected = walk(500)
    found = tracer_diffusion(trajectory, "Li")
    assert found.is_resolved
    assert found.value == pytest.approx(expected, rel=0.15)
    assert found.interval[0] < expected < found.interval[1]
    # Those that follow at once upon another are one.
    assert 350 < found.hops < 500
    assert found.host_shift < 0.1
    assert found.measured_kelvin == 905
    slope = np.polyfit(found.lags_ps, found.squared_displacements, 1)[0]
    assert slope / 6 * 1e-4 == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize("together", [1, 6])
def test_that_error_bars_hold_also_where_ions_move_together(together):
    inside = []
    for seed in range(60):
        trajectory, expected = walk(300, together, seed=seed)
        low, high = tracer_diffusion(trajectory, "Li").interval
        inside.append(low < expected < high)
    assert 0.78 <= np.mean(inside) <= 0.99


@pytest.mark.parametrize("together", [1, 3])
def test_that_the_haven_ratio_tells_how_many_ions_move_together(together):
    walks = (walk(600, together, seed=seed)[0] for seed in range(40))
    found = [one.haven_ratio for one in (tracer_diffusion(w, "Li") for w in walks)]
    known = np.array([ratio for ratio in found if ratio is not None])
    assert len(known) > 30
    assert np.median(known[:, 0]) == pytest.approx(1 / together, rel=0.3)
    inside = (known[:, 1] < 1 / together) & (1 / together < known[:, 2])
    assert inside.mean() >= 0.8


def test_that_a_longer_simulation_knows_the_haven_ratio_better():
    def width(n_frames: int) -> float:
        found = [walk(n_frames, n_frames=n_frames, seed=seed)[0] for seed in range(8)]
        ratios = [tracer_diffusion(one, "Li").haven_ratio for one in found]
        return float(np.median([high / low for _, low, high in filter(None, ratios)]))

    assert width(4001) < 0.6 * width(1001)


def test_that_ions_in_a_channel_are_a_walker_in_one_direction():
    def haven(channel: bool) -> tuple[float, float, float] | None:
        trajectory = walk(4000, n_frames=4001)[0]
        if channel:
            trajectory.positions[:, :24, 1:] *= 0.1
        return tracer_diffusion(trajectory, "Li").haven_ratio

    (_, low, high), (_, lower, higher) = haven(False), haven(True)
    assert higher / lower > 1.5 * high / low


def test_that_swings_of_all_ions_make_the_haven_ratio_less_certain():
    def haven(swing: float) -> tuple[float, float, float] | None:
        trajectory = walk(4000, n_frames=4001)[0]
        random = np.random.default_rng(1)
        trajectory.positions[:, :24] += swing * random.standard_normal((4001, 1, 3))
        return tracer_diffusion(trajectory, "Li").haven_ratio

    (_, low, high), (_, lower, higher) = haven(0.0), haven(0.6)
    assert higher / lower > 1.2 * high / low
    assert lower < 1 < higher
    assert haven(2.0) is None


def test_where_the_haven_ratio_is_not_known():
    for ions in (1, 24):
        trajectory = walk(400, n_ions=ions)[0]
        if ions == 24:  # their sum never moves
            drift = np.linspace([[0, 0, 0]], [[30, 0, 0]], 1001)
            trajectory.positions[:, 12:24] = 2 * drift - trajectory.positions[:, :12]
        found = tracer_diffusion(trajectory, "Li")
        assert found.haven_ratio is None
        assert not found.haven_text
    assert tracer_diffusion(walk(3)[0], "Li").haven_ratio is None  # nor is there a diffusivity


def test_that_ions_that_move_together_have_wider_error_bars():
    def width(together: int) -> float:
        found = [tracer_diffusion(walk(300, together, seed=s)[0], "Li") for s in range(12)]
        return float(np.mean([one.interval[1] - one.interval[0] for one in found]))

    assert width(6) > 1.5 * width(1)


def test_that_hops_are_counted_and_swings_are_not():
    counts = [tracer_diffusion(walk(60, seed=seed)[0], "Li").hops for seed in range(5)]
    assert np.mean(counts) == pytest.approx(60, rel=0.2)


def test_that_an_ion_may_hop_from_one_frame_to_the_next_where_these_are_far_apart():
    ions = 2.5 * np.arange(5.0)[:, None, None] * [1, 0, 0]
    assert count_hops(ions, 1.0) == 4
    assert count_hops(np.repeat(ions, 10, axis=0), 0.02) == 4
    assert (
        count_hops(0.5 * ions, 1.0) == 2
    )  # never so far from where it was settled that each step counts


def test_that_student_s_t_is_that_of_the_level_and_the_pieces():
    assert pytest.approx(t.ppf((1 + LEVEL) / 2, BLOCKS - 1), abs=1e-3) == STUDENT


@pytest.mark.parametrize("hops", [0, 8])
def test_that_a_few_hops_are_no_diffusivity(hops):
    found = tracer_diffusion(walk(hops)[0], "Li")
    assert not found.is_resolved
    assert found.hops <= 2 * hops


def test_that_ions_that_only_go_back_and_forth_are_noticed():
    """Each ion has two places, and no way on: its diffusivity is none, whatever a short time makes of it."""
    random = np.random.default_rng(0)
    trajectory, _ = walk(0)
    second = (random.random((1001, 24)) < 0.012).cumsum(axis=0) % 2
    trajectory.positions[:, :24, 0] += 2.5 * second
    caged = tracer_diffusion(trajectory, "Li")
    assert caged.is_resolved
    assert caged.levels_off
    free = [
        tracer_diffusion(walk(300, together, seed=s)[0], "Li")
        for together in (1, 6)
        for s in range(9)
    ]
    assert not any(one.levels_off for one in free)
    assert caged.slope_ps == pytest.approx((1.5, 4.5))
    (remark,) = result(caged, replace(caged, kelvin=1000.0, measured_kelvin=1000.0)).remarks
    assert remark.code == "levels_off"
    assert "At 900 K, 1000 K ions go back and forth more than on: " in remark.text
    assert "in up to 4.5 ps, and over longer" in remark.text


def test_that_a_host_that_moves_is_noticed():
    trajectory, _ = walk(300)
    trajectory.positions[500:, -4:] += [[3.0, 0, 0]]
    assert tracer_diffusion(trajectory, "Li").host_shift > 1


def test_that_ions_alone_have_no_host():
    trajectory, expected = walk(500)
    alone = replace(
        trajectory,
        numbers=trajectory.numbers[:24],
        positions=trajectory.positions[:, :24] - np.linspace([[0, 0, 0]], [[30, 0, 0]], 1001),
    )
    found = tracer_diffusion(alone, "Li")
    assert found.value == pytest.approx(expected, rel=0.15)
    assert found.haven_ratio is None  # there is nothing that their charge moves beside


def test_that_there_have_to_be_ions_and_frames():
    trajectory, _ = walk(100)
    with pytest.raises(DynamicsError, match="holds no Na"):
        tracer_diffusion(trajectory, "Na")
    with pytest.raises(DynamicsError, match=r"0\.6 ps are too short"):
        tracer_diffusion(replace(trajectory, positions=trajectory.positions[:31]), "Li")
