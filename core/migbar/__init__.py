"""MigBar: ionic migration barriers in crystals.

The core has no window: it is importable in a plain interpreter, and loads PyTorch only when a network is used.
Data flows one way: file → ``Structure`` → ``Hop`` → ``Band`` → model input → ``Barrier``.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("migbar")
except PackageNotFoundError:  # a frozen app carries no metadata
    __version__ = "0.1.0"
