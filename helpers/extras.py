"""Libraries that only some features need: loaded where they are used, or asked for in one sentence."""

import importlib
from typing import Any

__all__ = ["extra"]


def extra(module: str) -> Any:
    """Return a module of the optional dependencies.

    Parameters
    ----------
    module : str
        Its name, as in ``import``.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # One that is there but lacks something of its own is not helped by our advice.
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise ModuleNotFoundError(
            f"{error.name} is not installed: it belongs to the extra `chapters`, which "
            "pip install '.[chapters]' in a clone of the repository brings.",
            name=error.name,
        ) from None
