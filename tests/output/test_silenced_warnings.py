import logging
import warnings

import pytest

from gpattention.output.silenced_warnings import SILENCED, quiet_libraries


def test_known_lines_are_left_out_and_others_are_heard():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quiet_libraries()
        warnings.warn("The 'train_dataloader' does not have many workers which may be a bottleneck", stacklevel=1)
        warnings.warn("`isinstance(treespec, LeafSpec)` is deprecated", stacklevel=1)
        with pytest.raises(UserWarning, match="something else"):
            warnings.warn("something else", stacklevel=1)
    assert logging.getLogger("lightning.pytorch").level == logging.WARNING


def test_each_line_has_its_reason():
    assert all(pattern and len(reason) > 10 for pattern, reason in SILENCED)
