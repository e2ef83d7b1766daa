"""Places for the boxes of a picture: connected boxes near each other, none over another. Numbers only, no drawing.

Stress majorization (Gansner, Koren & North 2004, "Graph Drawing by Stress Majorization"): distances in the picture
follow the lengths of the shortest paths. It begins from the best two dimensions of these lengths (classical
scaling) and nothing is random, so a graph is always drawn alike. Shapes: V boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
_GAP = 16.0
_N_STEPS = 120
_N_PUSHES = 400
_ASPECT = 1.7


@dataclass(frozen=True)
class Layout:
    """Where the boxes are."""

    centers: Points
    """`[V, 2]`: x and y of every box's centre, in pixels; all boxes lie between 0 and the size."""
    width: float
    height: float


def place_boxes(sizes_V2: Points, links: Sequence[tuple[int, int]]) -> Layout:
    """Places for boxes, each connected part by itself and the parts side by side.

    Args:
        sizes_V2: width and height of every box, in pixels.
        links: pairs of boxes that belong together.
    """
    centers_V2 = np.zeros_like(sizes_V2)
    parts = _parts(len(sizes_V2), links)
    frames = []
    for part in parts:
        index = {box: number for number, box in enumerate(part)}
        inner = [(index[a], index[b]) for a, b in links if a in index]
        placed = _place_part(sizes_V2[part], inner)
        low = (placed - sizes_V2[part] / 2).min(0)
        centers_V2[part] = placed - low
        frames.append((placed + sizes_V2[part] / 2).max(0) - low)
    corners, size = _shelves(frames)
    for part, corner in zip(parts, corners, strict=True):
        centers_V2[part] += corner
    return Layout(centers_V2, float(size[0]), float(size[1]))


def _parts(n_boxes: int, links: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Connected boxes, the largest part first."""
    part_of = list(range(n_boxes))

    def root(box: int) -> int:
        while part_of[box] != box:
            part_of[box] = part_of[part_of[box]]
            box = part_of[box]
        return box

    for a, b in links:
        part_of[root(a)] = root(b)
    parts: dict[int, list[int]] = {}
    for box in range(n_boxes):
        parts.setdefault(root(box), []).append(box)
    return sorted(parts.values(), key=lambda part: (-len(part), part[0]))


def _place_part(sizes_V2: Points, links: Sequence[tuple[int, int]]) -> Points:
    n_boxes = len(sizes_V2)
    if n_boxes == 1:
        return np.zeros((1, 2))
    lengths_VV = _path_lengths(sizes_V2, links)
    centers_V2 = _majorized(_scaled(lengths_VV), lengths_VV)
    centers_V2 = _lying(centers_V2)
    return _pushed_apart(centers_V2, sizes_V2)


def _path_lengths(sizes_V2: Points, links: Sequence[tuple[int, int]]) -> Points:
    """Shortest paths (Floyd and Warshall); a link is longer where its boxes are wide."""
    lengths_VV = np.full((len(sizes_V2), len(sizes_V2)), np.inf)
    np.fill_diagonal(lengths_VV, 0)
    for a, b in links:
        length = _GAP + 0.36 * (sizes_V2[a].sum() + sizes_V2[b].sum())
        lengths_VV[a, b] = lengths_VV[b, a] = min(lengths_VV[a, b], length)
    for middle in range(len(lengths_VV)):
        np.minimum(lengths_VV, lengths_VV[:, middle, None] + lengths_VV[middle], out=lengths_VV)
    return lengths_VV


def _scaled(lengths_VV: Points) -> Points:
    """Classical scaling: the plane that keeps most of the lengths."""
    squares = lengths_VV**2
    squares = squares - squares.mean(0) - squares.mean(1)[:, None] + squares.mean()
    values, vectors = np.linalg.eigh(-squares / 2)
    centers_V2: Points = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 1e-9))
    # Boxes with the same neighbours fall on one point, and could never leave it.
    turns = np.arange(len(centers_V2)) * 2.399963  # the golden angle
    spread = 0.05 * lengths_VV.max() * np.sqrt((np.arange(len(turns)) + 1) / len(turns))
    spread_V2: Points = np.stack((np.cos(turns), np.sin(turns)), -1) * spread[:, None]
    return centers_V2 + spread_V2


def _majorized(centers_V2: Points, lengths_VV: Points) -> Points:
    weights_VV = 1 / np.maximum(lengths_VV, 1e-9) ** 2
    np.fill_diagonal(weights_VV, 0)
    inverse_VV = np.linalg.pinv(np.diag(weights_VV.sum(1)) - weights_VV)
    for _ in range(_N_STEPS):
        apart_VV = np.linalg.norm(centers_V2[:, None] - centers_V2, axis=-1)
        pull_VV = -weights_VV * lengths_VV / np.maximum(apart_VV, 1e-9)
        np.fill_diagonal(pull_VV, 0)
        np.fill_diagonal(pull_VV, -pull_VV.sum(1))
        centers_V2 = inverse_VV @ pull_VV @ centers_V2
    return centers_V2


def _lying(centers_V2: Points) -> Points:
    """Turned so that it is widest from left to right, as screens and words are."""
    centered = centers_V2 - centers_V2.mean(0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    turned: Points = centered @ axes.T
    return turned if turned.shape[1] == 2 else np.pad(turned, ((0, 0), (0, 1)))


def _pushed_apart(centers_V2: Points, sizes_V2: Points) -> Points:
    """Boxes that overlap move apart, half the way each, along the shorter way."""
    room_VV2 = (sizes_V2[:, None] + sizes_V2) / 2 + _GAP / 2
    for _ in range(_N_PUSHES):
        between_VV2 = centers_V2[:, None] - centers_V2
        over_VV2 = room_VV2 - abs(between_VV2)
        over_VV2[np.diag_indices(len(sizes_V2))] = 0
        hit_VV = (over_VV2[..., 0] > 1e-6) & (over_VV2[..., 1] > 1e-6)
        if not hit_VV.any():
            break
        sideways_VV = over_VV2[..., 0] < over_VV2[..., 1]
        # Of two boxes on one line the later one goes right or down.
        order_VV = np.sign(np.arange(len(sizes_V2))[:, None] - np.arange(len(sizes_V2)))[..., None]
        sign_VV2 = np.where(between_VV2 == 0, order_VV, np.sign(between_VV2))
        chosen_VV2 = np.stack((sideways_VV, ~sideways_VV), -1) & hit_VV[..., None]
        centers_V2 = centers_V2 + (chosen_VV2 * over_VV2 * sign_VV2).sum(1) * 0.5
    return centers_V2


def _shelves(frames: Sequence[Points]) -> tuple[list[Points], Points]:
    """Corners of frames in rows, in their order, and the size of all."""
    if not frames:
        return [], np.zeros(2)
    area = sum(float((frame + 2 * _GAP).prod()) for frame in frames)
    limit = max(float(max(frame[0] for frame in frames)), (area * _ASPECT) ** 0.5)
    corners, x, y, row_height, width = [], 0.0, 0.0, 0.0, 0.0
    for frame in frames:
        if x and x + frame[0] > limit:
            x, y, row_height = 0.0, y + row_height + 2 * _GAP, 0.0
        corners.append(np.array([x, y]))
        x += float(frame[0]) + 2 * _GAP
        width, row_height = max(width, x - 2 * _GAP), max(row_height, float(frame[1]))
    return corners, np.array([width, y + row_height])
