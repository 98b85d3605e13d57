"""Shapley values of trees: exact, against the definition, and additive."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from numpy.typing import NDArray

from migbar.models.forest import Trees
from migbar.models.shapley import LeafTests
from migbar.training.forest import ForestSettings, grow


def grown(features: int, seed: int, paths: int = 12, trees: int = 3) -> tuple[Trees, NDArray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(paths, features)).round(1)  # ties: leaves of several paths
    y = np.exp(x @ rng.normal(size=features) / 2).round(1) + 0.1
    return grow(x, y, seed, ForestSettings(trees=trees, features=1.0)), x


def expected(trees: Trees, x: NDArray, known: frozenset[int]) -> float:
    """What the trees say if only some descriptors are known: both sides, by their covers, elsewhere."""

    def below(node: int) -> float:
        feature = trees.feature[node]
        if feature < 0:
            return float(trees.root_barrier[node])
        left, right = node + 1, node + int(trees.right[node])
        if feature in known:
            return below(left if x[feature] <= trees.threshold[node] else right)
        covers = np.array([trees.cover[left], trees.cover[right]], float)
        return float(covers @ [below(left), below(right)] / covers.sum())

    return float(np.mean([below(int(root)) for root in trees.roots]))


def by_definition(trees: Trees, x: NDArray) -> list[float]:
    n = len(x)
    values = []
    for i in range(n):
        others = [j for j in range(n) if j != i]
        total = 0.0
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for chosen in combinations(others, size):
                without = frozenset(chosen)
                total += weight * (expected(trees, x, without | {i}) - expected(trees, x, without))
        values.append(total)
    return values


@pytest.mark.parametrize(("features", "seed"), [(1, 0), (2, 1), (3, 2), (5, 3)])
def test_that_values_are_those_of_the_definition(features: int, seed: int) -> None:
    trees, x = grown(features, seed)
    tests = LeafTests.of(trees)
    assert tests.base == pytest.approx(expected(trees, x[0], frozenset()))
    for row in (x[0], x[5], x[3] + 0.3):
        assert tests.shapley_values(row) == pytest.approx(by_definition(trees, row))


def test_that_values_add_up_to_what_the_trees_say_where_paths_are_long() -> None:
    trees, x = grown(40, 4, paths=200, trees=5)
    tests = LeafTests.of(trees)
    for row in (x[0], x[7] * 1.1, np.full(40, 9.0)):
        values = tests.shapley_values(row)
        assert tests.base + values.sum() == pytest.approx(trees.leaves(row[None]).mean())


def test_that_a_descriptor_that_no_tree_looks_at_gets_nothing() -> None:
    trees, x = grown(3, 5)
    row = np.append(x[0], 7.0)
    assert LeafTests.of(trees).shapley_values(row)[3] == 0


def test_that_a_tree_without_tests_shares_out_nothing() -> None:
    trees = grow(np.zeros((4, 2)), np.ones(4), 0, ForestSettings(trees=2))
    tests = LeafTests.of(trees)
    assert tests.base == pytest.approx(1.0)
    assert tests.shapley_values(np.zeros(2)).tolist() == [0, 0]


def test_that_covers_count_the_paths_below_each_node() -> None:
    trees, x = grown(3, 6)
    assert (trees.cover[trees.roots] == len(x)).all()
    inner = np.flatnonzero(trees.feature >= 0)
    below = trees.cover[inner + 1] + trees.cover[inner + trees.right[inner]]
    assert (trees.cover[inner] == below).all()
