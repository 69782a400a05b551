import numpy as np
import pytest
from refusals import refused

from gpattention.files.untrusted import read_array, read_arrays, read_json, read_object, read_yaml, refuse_missing_file

CURE = "mend it"


def test_plain_values_are_read(tmp_path):
    (tmp_path / "a.yaml").write_text("a: [1, 2.5, null]\nb: {c: é}\n", encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml", CURE) == {"a": [1, 2.5, None], "b": {"c": "é"}}
    (tmp_path / "a.json").write_text('{"x": [1, 2.5e3]}')
    assert read_json(tmp_path / "a.json", CURE) == {"x": [1, 2500.0]}
    array = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy", CURE), array)
    np.savez(tmp_path / "a.npz", x=array, y=array[0])
    found = read_arrays(tmp_path / "a.npz", None, CURE)
    assert list(found) == ["x", "y"]
    np.testing.assert_array_equal(found["y"], array[0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x 1\nb: *x\n", "alias"),
        ("a: 1\na: 2\n", "the key a occurs more than once"),
        ("a: !!python/object/apply:os.getcwd []\n", "could not determine a constructor"),
    ],
)
def test_yaml_that_is_more_than_plain_values_is_refused(text, words, tmp_path):
    (tmp_path / "a.yaml").write_text(text)
    assert words in refused(lambda: read_yaml(tmp_path / "a.yaml", CURE), "a.yaml")


def test_json_is_refused_where_numbers_are_not_finite_or_keys_are_missing(tmp_path):
    path = tmp_path / "a.json"
    for text in ('{"x": NaN}', '{"x": 1e999}', '{"x": -Infinity}'):
        path.write_text(text)
        assert "is not a finite number" in refused(lambda: read_json(path, CURE), "a.json")
    path.write_text('{"x": 1}')
    assert "it lacks y" in refused(lambda: read_object(path, ("x", "y"), CURE), "a.json")
    path.write_text("[1]")
    assert "it is no object" in refused(lambda: read_object(path, (), CURE), "a.json")


def test_an_array_of_objects_or_of_more_than_its_file_is_refused(tmp_path):
    np.save(tmp_path / "o.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    assert "objects" in refused(lambda: read_array(tmp_path / "o.npy", CURE), "o.npy")
    np.save(tmp_path / "a.npy", np.zeros(1000))
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(content[:500])
    assert "more than the file has" in refused(lambda: read_array(tmp_path / "cut.npy", CURE), "cut.npy")


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert "nowhere.tsv is not there" in refused(lambda: refuse_missing_file(tmp_path / "nowhere.tsv"), "nowhere.tsv")
