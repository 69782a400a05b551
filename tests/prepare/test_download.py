"""Files of a record, with what the network says stood in for."""

import pooch
import pytest
import requests

from gpattention.errors import InputError
from gpattention.prepare.download import fetch_record

CONTENT = {"geno_train.npy": b"alleles", "pheno_train.npy": b"values"}


@pytest.fixture
def record(tmp_path, monkeypatch):
    """A record in a folder of this machine, in place of the one that a DOI names."""
    source = tmp_path / "record"
    source.mkdir()
    for name, content in CONTENT.items():
        (source / name).write_bytes(content)
    registry = {name: pooch.file_hash(source / name, "md5") for name in CONTENT}

    def load(self):
        self.registry = {name: f"md5:{digest}" for name, digest in registry.items()}

    def fetch_local(self, name, **_options):
        target = self.abspath / name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = (source / name).read_bytes()
        (tmp_path / "arrived").write_bytes(content)
        if pooch.hash_matches(str(tmp_path / "arrived"), self.registry[name]):
            target.write_bytes(content)
        else:
            raise ValueError(f"MD5 hash of downloaded file ({name}) does not match the known hash")
        return str(target)

    monkeypatch.setattr(pooch.Pooch, "load_registry_from_doi", load)
    monkeypatch.setattr(pooch.Pooch, "fetch", fetch_local)
    return source


def test_files_named_are_fetched(record, tmp_path):
    fetch_record("10.0/none", ["geno_train.npy"], tmp_path / "here")
    assert (tmp_path / "here" / "geno_train.npy").read_bytes() == b"alleles"
    assert not (tmp_path / "here" / "pheno_train.npy").exists()


def test_file_that_does_not_match_its_checksum_is_refused(record, tmp_path):
    (record / "geno_train.npy").write_bytes(b"others")
    with pytest.raises(InputError, match=r"does not match the known hash.*by hand from https://doi.org/10.0/none"):
        fetch_record("10.0/none", ["geno_train.npy"], tmp_path / "here")
    assert not (tmp_path / "here" / "geno_train.npy").exists()


def test_file_that_the_record_lacks_is_refused(record, tmp_path):
    with pytest.raises(InputError, match=r"has no file geno_x.npy: it has geno_train.npy, pheno_train.npy"):
        fetch_record("10.0/none", ["geno_x.npy"], tmp_path / "here")


def test_no_network_is_said(tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise requests.exceptions.ConnectionError("no route")

    monkeypatch.setattr(requests, "get", refuse)
    with pytest.raises(
        InputError, match=r"cannot be reached \(ConnectionError\): is there a network\? Else fetch a.npy by hand"
    ):
        fetch_record("10.5281/zenodo.15313069", ["a.npy"], tmp_path)
