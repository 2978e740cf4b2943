"""An example in a docstring gives what it says."""

import doctest
import importlib
import pkgutil
from importlib.util import find_spec
from pathlib import Path

import pytest

import helpers

NAMES = [module.name for module in pkgutil.walk_packages(helpers.__path__, "helpers.")]
WITH_EXAMPLES = [
    name for name in NAMES if ">>>" in Path(find_spec(name).origin).read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_give_what_they_say(name):
    found = doctest.testmod(importlib.import_module(name))

    assert found.attempted
    assert 0 == found.failed
