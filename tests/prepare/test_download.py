"""Files of a record, with a server on this machine in the place of the public one."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pooch
import pytest
import requests

from gpattention.errors import InputError
from gpattention.prepare.download import fetch_record

CONTENT = {"geno_train.npy": b"alleles", "pheno_train.npy": b"values"}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass


@pytest.fixture
def record(tmp_path, monkeypatch):
    """The folder that the server serves; checksums are those of CONTENT."""
    source = tmp_path / "record"
    source.mkdir()
    registry = {}
    for name, content in CONTENT.items():
        (source / name).write_bytes(content)
        registry[name] = f"md5:{pooch.file_hash(source / name, 'md5')}"
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=source))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def load(self):
        self.registry = dict(registry)
        self.urls = {name: f"http://127.0.0.1:{server.server_port}/{name}" for name in registry}

    monkeypatch.setattr(pooch.Pooch, "load_registry_from_doi", load)
    yield source
    server.shutdown()
    thread.join()
    server.server_close()


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
    with pytest.raises(InputError, match=r"cannot be reached \(ConnectionError\).* Else fetch a.npy by hand"):
        fetch_record("10.5281/zenodo.15313069", ["a.npy"], tmp_path)
