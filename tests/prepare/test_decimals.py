import numpy as np
import pytest

from gpattention.prepare.decimals import Uneven, parse_lines

FORMATS = {
    "fixed width": lambda x: f"{x:.4f}",
    "shortest": repr,
    "nine digits": lambda x: f"{x:.9f}",
    "seventeen digits": lambda x: f"{x:.17f}",
    "thirty digits": lambda x: f"{x:.30f}",
    "scientific": lambda x: f"{x:.6e}",
    "whole": lambda x: f"{round(x)}",
    "with signs": lambda x: f"+{x:.3f}",
    "no digit before the point": lambda x: f"{x:.5f}".lstrip("0"),
}


def lines(fields):
    return "".join("\t".join(row) + "\n" for row in fields).encode()


@pytest.mark.parametrize("form", [*FORMATS, "mixed"])
def test_numbers_are_those_of_python(form):
    rng = np.random.default_rng(0)
    values = rng.beta(0.2, 0.2, (20, 30)) ** rng.integers(1, 9, (20, 30))
    values[0, :4] = [0, 1, 0.5, 1e-300]
    choose = list(FORMATS.values())
    fields = [
        [FORMATS[form](x) if form != "mixed" else choose[rng.integers(len(choose))](x) for x in row]
        for row in values.tolist()
    ]
    names, parsed = parse_lines(lines([[str(n), *row] for n, row in enumerate(fields)]), 31)
    assert names == [str(n).encode() for n in range(20)]
    np.testing.assert_allclose(parsed, [[float(x) for x in row] for row in fields], rtol=3e-7, atol=1e-9)


@pytest.mark.parametrize("field", ["", "x", "0.1.2", "0,5", "nan", "0.12 ", "1e", "0x1", "\x01.500", "0.5\x00", "--1"])
def test_what_is_no_number_is_nan(field):
    rows = [["7", "0.25", "0.50"], ["8", "0.25", field], ["9", "0.75", "1.00"]]
    _, parsed = parse_lines(lines(rows), 3)
    try:
        expected = float(field)
    except ValueError:
        expected = np.nan
    np.testing.assert_array_equal(parsed, np.array([[0.25, 0.5], [0.25, expected], [0.75, 1]], dtype=np.float32))


@pytest.mark.parametrize(
    ("text", "line", "n_fields"),
    [
        ("1\t0.5\t0.5\n2\t0.5\n", 1, 2),
        ("1\t0.5\t0.5\n\n2\t0.5\t0.5\n", 1, 1),
        ("1\t0.5\n2\t0.5\t0.5\n", 0, 2),
        ("1\t0.5\t0.5\n2\t0.5\t0.5\n3\t0.5\t0.5\t0.5\n", 2, 4),
        ("1\t0.5\t0.5\n2\t0.5\n3\t0.5\t0.5\t0.5\n", 1, 2),
    ],
)
def test_first_line_of_another_length_is_named(text, line, n_fields):
    with pytest.raises(Uneven) as error:
        parse_lines(text.encode(), 3)
    assert (error.value.line, error.value.n_fields) == (line, n_fields)
