"""Write what ALIGNN gives for the example bands: ``python -m tests.core.make_alignn_reference``.

Needs ALIGNN and DGL; the tests compare with the file where those are missing.
"""

from __future__ import annotations

import numpy as np
import torch

from migbar.models.networks.architectures import ARCHITECTURES
from migbar.models.networks.predictor import band_graphs
from migbar.models.networks.reference import batch_reference, reference_network
from tests.core.alignn_reference import GRAPHS, STORED, from_reference
from tests.core.small_bands import example_bands, fixed_network
from tests.core.test_parity import reference_inputs


def main() -> None:
    arrays: dict[str, np.ndarray] = {}
    for name, band in example_bands().items():
        for architecture in ARCHITECTURES:
            network = fixed_network(architecture)
            shown = reference_inputs(band, network.inputs)
            twin = reference_network(network)
            numbers = [g.numbers for g in band_graphs(band, network.inputs, GRAPHS)]
            for show, (g, _), z in zip(network.inputs, shown, numbers, strict=True):
                graph = from_reference(g, z)
                arrays[f"{name}/{show}/numbers"] = graph.numbers
                arrays[f"{name}/{show}/bonds"] = graph.bonds.astype(np.int16)
                arrays[f"{name}/{show}/vectors"] = graph.vectors
            with torch.no_grad():
                arrays[f"{name}/{architecture}"] = twin(
                    *(batch_reference([pair]) for pair in shown)
                ).numpy()
    np.savez_compressed(STORED, **arrays)


if __name__ == "__main__":
    main()
