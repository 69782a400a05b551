from gpattention.prepare.loci import table_of_loci


def test_loci_are_numbered_named_or_described(tmp_path):
    assert table_of_loci(None, None, 3, prefix="snp")["locus"].tolist() == ["snp1", "snp2", "snp3"]
    assert table_of_loci(None, None, 2, ("a", "b"))["locus"].tolist() == ["a", "b"]
    (tmp_path / "loci.tsv").write_text("chromosome\tname\tposition\nI\tb\t20\nI\ta\t10\n")
    table = table_of_loci(tmp_path / "loci.tsv", "name", 2, ("a", "b"))
    assert table["locus"].tolist() == ["a", "b"]
    assert table["position"].tolist() == [10, 20]
    assert "name" not in table
