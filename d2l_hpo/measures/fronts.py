"""Numbers about fronts: hypervolume, ranks, crowding; and fronts in a searcher's short time.

`pareto` compares all points with each other, as the definitions do, and so do the first functions
here. `quick_front` and `best_by_front` take away, point by point, what a point of the front
dominates. They compare the same numbers, so that they return the same indices.
"""
import numpy as np

from d2l_hpo.measures.pareto import dominance
from d2l_hpo.measures.values import check_points


def hypervolume(points, reference) -> float:
    """Return the volume that points dominate below a reference point, exact for 2 or 3 objectives.

    What is not better than the reference in every objective adds nothing, nor do failed trials.
    ValueError for other numbers of objectives or a reference that does not fit.

    Arguments:

    - `points`: shape (n, objectives), all minimised, as in `dominance`.
    - `reference`: shape (objectives,), finite. Both should be scaled so that objectives count
      alike.

    It is equation `eq_hypervolume` of the section on objectives, constraints and cost (Zitzler and
    Thiele, 1999), in the product of the objectives' units.

    >>> hypervolume([[1, 4], [3, 1]], reference=[5, 5])
    10.0
    >>> hypervolume([[6, 0]], reference=[5, 5])
    0.0
    """
    reference = np.asarray(reference, float)
    points = check_points(points, objectives=max(reference.size, 1))
    if points.shape[1] not in (2, 3):
        raise ValueError(f"points have {points.shape[1]} objectives; hypervolume needs 2 or 3")
    if reference.shape != points.shape[1:] or not np.isfinite(reference).all():
        raise ValueError(f"reference is {reference}, expected {points.shape[1]} finite numbers")
    points = points[(points < reference).all(axis=1)]
    points = points[np.argsort(points[:, -1])]
    thickness = np.diff(points[:, -1], append=reference[-1])
    if points.shape[1] == 2:
        return float(thickness @ (reference[0] - np.minimum.accumulate(points[:, 0])))
    areas = [hypervolume(points[:i + 1, :2], reference[:2]) for i in range(len(points))]
    return float(thickness @ np.array(areas, float))


def nondominated_ranks(points) -> np.ndarray:
    """Return 0 for the points of the front, 1 for the front of the others, and so on.

    Failed trials come last: they have the rank after that of the last front.

    Arguments:

    - `points`: shape (n, objectives), as in `dominance`.

    The result has shape (n,), integers. It is the sorting of NSGA-II (Deb et al., 2002).

    >>> nondominated_ranks([[1, 4], [2, 4], [3, 1], [np.nan, 0]]).tolist()
    [0, 1, 0, 2]
    """
    points = check_points(points)
    dominates, left = dominance(points), np.isfinite(points[:, 0])
    ranks, rank = np.zeros(len(points), int), 0
    while left.any():
        front = left & ~dominates[left].any(axis=0)
        ranks[front] = rank
        left, rank = left & ~front, rank + 1
    ranks[np.isnan(points[:, 0])] = rank
    return ranks


def crowding_distances(points) -> np.ndarray:
    """Return how much room each point of a front has between its neighbours.

    For each objective the gap between them counts, as a part of the whole range. Extreme points
    have inf, failed trials nan.

    Arguments:

    - `points`: points of one front, shape (n, objectives), as in `dominance`.

    The result has shape (n,), from 0 to the number of objectives, or inf. It is the distance of
    NSGA-II (Deb et al., 2002).

    >>> crowding_distances([[0, 4], [1, 3], [3, 1], [4, 0]]).tolist()
    [inf, 1.5, 1.5, inf]
    """
    points = check_points(points)
    distances = np.where(np.isfinite(points[:, 0]), 0.0, np.nan)
    for values in points.T:
        order = np.argsort(values)[:np.isfinite(values).sum()]
        ordered = values[order] / 2  # so that the range of finite numbers is finite
        if len(order) and (span := ordered[-1] - ordered[0]) > 0:
            distances[order[1:-1]] += (ordered[2:] - ordered[:-2]) / span
        distances[order[[0, -1]] if len(order) else order] = np.inf
    return distances


def order_by_front(points) -> np.ndarray:
    """Return indices, best first: by rank, and in each front the least crowded first."""
    points = check_points(points)
    ranks, distances = nondominated_ranks(points), np.zeros(len(points))
    for rank in np.unique(ranks):
        distances[ranks == rank] = crowding_distances(points[ranks == rank])
    return np.lexsort((-distances, ranks))


def quick_front(points: np.ndarray) -> np.ndarray:
    """Return what `pareto_front` does, in a time that grows with points times points of the front.
    """
    points = check_points(points)
    order = np.lexsort(points.T[::-1])
    left, front = order[np.isfinite(points[order, 0])], []
    while len(left):
        first = points[left[0]]  # whatever dominates it comes before it in this order
        others = points[left]
        equal = (others == first).all(axis=1)
        front.append(left[equal])
        left = left[~(others >= first).all(axis=1)]
    return np.sort(np.concatenate(front)) if front else np.zeros(0, int)


def best_by_front(points: np.ndarray, n: int) -> np.ndarray:
    """Return the first `n` indices of `order_by_front`, without failed trials."""
    points, best = check_points(points), list[int]()
    left = np.flatnonzero(np.isfinite(points[:, 0]))
    while len(left) and len(best) < n:
        on_front = quick_front(points[left])
        front = left[on_front]
        distances = crowding_distances(points[front])
        best.extend(front[np.argsort(-distances, kind="stable")])
        left = np.delete(left, on_front)
    return np.array(best[:n], int)
