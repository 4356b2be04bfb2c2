"""Entropy-regularised classification losses (MIN-ENT, MIX-ENT: arXiv 2501.13709) and their relatives, value and gradient in
one pass over memory. For NumPy: `mixent.evaluate`; for PyTorch: `mixent.torch`; for JAX: `mixent.jax`; for Keras: `mixent.keras`."""
from ._native import LOSSES, TERMS, TRANSFORMS, cpu
from ._native import VERSION as __version__
from .numpy import Evaluation, evaluate

__all__ = ["LOSSES", "TERMS", "TRANSFORMS", "Evaluation", "cpu", "evaluate", "__version__"]


def __getattr__(name: str) -> object:
    """Classifier needs scikit-learn and the trainer: it is looked for when it is asked for."""
    if name == "Classifier":
        from ._classifier import Classifier

        return Classifier
    raise AttributeError(f"module 'mixent' has no attribute '{name}'")
