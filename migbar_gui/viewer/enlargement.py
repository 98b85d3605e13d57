"""A picture larger than the screen: drawn part by part, so that the window stays alive, and smoothed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkRenderingCore import vtkCamera, vtkRenderer, vtkWindowToImageFilter

from migbar.progress import SILENT, Progress, reported

Pixels = NDArray[np.uint8]

SAMPLES = 2
"""Points along each side of a pixel that are averaged."""


def enlarged(
    renderer: vtkRenderer, scale: int, transparent: bool, progress: Progress = SILENT
) -> Pixels:
    """Return what is seen, `scale` times as large as the render window, as RGBA with shape (height, width, 4).

    Where that changes its size between two parts, the picture is begun anew.

    Raises
    ------
    Cancelled
        If `progress` says so between two parts.
    """
    window = renderer.GetRenderWindow()
    width, height = size = window.GetSize()
    pixels = np.empty((scale * height, scale * width, 4), np.uint8)
    parts = [(row, column) for row in range(scale) for column in range(scale)]
    for row, column in reported(parts, progress, ""):
        if window.GetSize() != size:
            return enlarged(renderer, scale, transparent, progress)
        below, right = row * height, column * width
        part = _part(renderer, scale, row, column, transparent)
        pixels[below : below + height, right : right + width] = part
    return pixels


def _part(
    renderer: vtkRenderer, scale: int, row: int, column: int, transparent: bool
) -> NDArray[np.generic]:
    """Return one of `scale`² parts of the picture, counted from its top left corner."""
    steps, fine_scale = range(SAMPLES), SAMPLES * scale
    fine = np.vstack(
        [
            np.hstack(
                [
                    _cutout(renderer, fine_scale, SAMPLES * row + i, SAMPLES * column + j)
                    for j in steps
                ]
            )
            for i in steps
        ]
    )
    samples = [fine[i::SAMPLES, j::SAMPLES] for i in steps for j in steps]
    return _weighed(samples) if transparent else _opaque(samples)


def _opaque(samples: Sequence[Pixels]) -> NDArray[np.uint16]:
    mean = np.zeros(samples[0].shape, np.uint16)
    for sample in samples:
        mean += sample
    mean //= len(samples)
    mean[..., 3] = 255
    return mean


def _weighed(samples: Sequence[Pixels]) -> NDArray[np.float32]:
    """Average by opacity: else edges take on the colour of a background that is not there."""
    weights = [sample[..., 3:].astype(np.float32) for sample in samples]
    colours = sum(weight * sample[..., :3] for weight, sample in zip(weights, samples, strict=True))
    weight = sum(weights)
    return np.concatenate([colours / np.maximum(weight, 1), weight / len(samples)], axis=-1)


def _cutout(renderer: vtkRenderer, scale: int, row: int, column: int) -> Pixels:
    """Render one of `scale`² parts of the view at the size of the whole."""
    window = renderer.GetRenderWindow()
    with _looking_at(renderer.GetActiveCamera(), scale, row, column):
        window.Render()
    grab = vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.SetInputBufferTypeToRGBA()
    grab.ReadFrontBufferOff()
    grab.ShouldRerenderOff()
    grab.Update()
    image = grab.GetOutput()
    width, height, _ = image.GetDimensions()
    values = vtk_to_numpy(image.GetPointData().GetScalars())
    return values.reshape(height, width, 4)[::-1]


@contextmanager
def _looking_at(camera: vtkCamera, scale: int, row: int, column: int) -> Iterator[None]:
    """Let the camera see no more than one part of what it sees."""
    centre, height = camera.GetWindowCenter(), camera.GetParallelScale()
    camera.SetWindowCenter(2 * column + 1 - scale, scale - 1 - 2 * row)
    camera.SetParallelScale(height / scale)
    try:
        yield
    finally:
        camera.SetWindowCenter(*centre)
        camera.SetParallelScale(height)
