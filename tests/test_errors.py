import pickle

import pytest

from gpattention.errors import InputError, Preempted


def test_a_run_that_was_asked_to_end_exits_with_the_status_of_its_signal():
    with pytest.raises(SystemExit) as caught:
        raise Preempted("stopped")
    assert (caught.value.code, str(caught.value)) == (143, "stopped")


def test_what_a_user_gave_wrong_is_a_value_error_that_passes_between_processes():
    error = pickle.loads(pickle.dumps(InputError("mend it")))
    assert isinstance(error, ValueError)
    assert str(error) == "mend it"
