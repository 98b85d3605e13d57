"""Training of the graph networks: packed data, presets, the training loop, pre-training and fine-tuning.

`packing` reads and writes packed data, `presets` and `loop` train on it; these import neither pymatgen nor ASE,
so that a machine with little but PyTorch and Lightning can train. `pretraining` and `finetuning` make packed
data of structures and models of trained weights.
"""
