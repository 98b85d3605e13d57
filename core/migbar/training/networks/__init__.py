"""Training of the graph networks: packed data, presets, the training loop, pre-training and fine-tuning.

`packing` reads and writes packed data, `presets` and `loop` train on it; `plan`, `parcel` and `trial` train all
networks on a borrowed GPU. These import neither pymatgen nor ASE, so that a machine with little but PyTorch and
Lightning can train. `pretraining` and `finetuning` make packed data of structures and models of trained weights,
`collecting` makes models of what a plan brought back. README.md has the commands.
"""
