"""The examples in the docstrings run."""

import doctest

import keras
import pytest

from lengthwise import layers


@pytest.mark.parametrize("name", layers.__all__)
def test_examples_run(name):
    documented = getattr(layers, name)
    [test] = [example for example in doctest.DocTestFinder(recurse=False).find(documented, name) if example.examples]
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert result.failed == 0


@pytest.mark.parametrize("name", layers.__all__)
def test_docstrings_have_the_sections_of_keras(name):
    documented = getattr(layers, name)
    wanted = ["Args:", "Returns:"] if name.islower() else ["Args:"]
    if isinstance(documented, type) and issubclass(documented, keras.layers.Layer):
        wanted = ["Call arguments:", "Input shape:", "Output shape:"]
    assert [section for section in [*wanted, "Example:"] if section not in documented.__doc__] == []
