import gzip

import pytest
from refusals import refused

from gpattention.prepare import chromosomes
from gpattention.prepare.chromosomes import chromosomes_of

HEAD = "##fileformat=VCFv4.2\n##contig=<ID=9>\n#CHROM\tPOS\tID\n"
RECORDS = "chrI\t1\tscaffold_7\nchrI\t2\tb\nX\t3\tc\n2\t4\td\n"


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 30, 2**24])
@pytest.mark.parametrize("is_compressed", [True, False])
def test_names_are_found_wherever_blocks_end(tmp_path, monkeypatch, at_once, is_compressed):
    monkeypatch.setattr(chromosomes, "BYTES_AT_ONCE", at_once)
    content = (HEAD + RECORDS).encode()
    (tmp_path / "a.vcf").write_bytes(gzip.compress(content) if is_compressed else content)
    assert chromosomes_of(tmp_path / "a.vcf") == ["chrI", "X", "2"]


def test_bcf_has_them_in_its_header(tmp_path):
    (tmp_path / "a.bcf").write_bytes(gzip.compress(b"BCF\x02\x02" + RECORDS.encode()))
    assert chromosomes_of(tmp_path / "a.bcf") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ((HEAD + "a,b\t1\tx\n").encode(), "has 'a,b' where a chromosome is named"),
        (HEAD.encode() + b"\xff\t1\n", "where a chromosome is named"),
        ((HEAD + "".join(f"s{k}\t1\tx\n" for k in range(10_001))).encode(), "more than 10,000 chromosomes"),
        (gzip.compress((HEAD + RECORDS).encode())[:-9], "cannot be read as VCF or BCF"),
    ],
)
def test_files_without_such_names_are_refused(tmp_path, content, words):
    (tmp_path / "a.vcf").write_bytes(content)
    assert words in refused(lambda: chromosomes_of(tmp_path / "a.vcf"), "a.vcf")
