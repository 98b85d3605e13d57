"""The paper's graph networks in plain PyTorch: ALIGNN layers, MPT, MODEL-1 to MODEL-4.

Parameter names are those of the published code, so that its state dicts load unchanged. `architectures` and
what it needs import neither pymatgen nor ASE: with packed graphs the networks train on a machine that has
little but PyTorch.
"""
