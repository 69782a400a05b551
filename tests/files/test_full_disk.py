import errno

import pytest

from gpattention.errors import InputError
from gpattention.files.full_disk import full_disk_told


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_folder_file_and_cure(number, tmp_path):
    words = rf"the disk of {tmp_path}/new is full at big.npy .* MiB free now.: make room"
    with pytest.raises(InputError, match=words), full_disk_told(tmp_path / "new", "make room"):
        raise OSError(number, "full", "big.npy")


def test_other_faults_stay_what_they_are(tmp_path):
    with pytest.raises(PermissionError), full_disk_told(tmp_path, "make room"):
        raise PermissionError(errno.EACCES, "denied", "a")
