import json

import pytest

from gpattention.errors import InputError
from gpattention.prepare.libraries import needed


def test_a_library_that_is_there_is_given_and_another_is_asked_for():
    assert needed("json", "reading") is json
    with pytest.raises(InputError, match=r"PLINK files needs no_such_reader: pip install 'gpattention\[files\]'"):
        needed("no_such_reader", "PLINK files")
