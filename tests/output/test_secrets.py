import subprocess
import sys

import pytest
from conftest import ROOT, SMALL

from gpattention.config import check_config, compose_config
from gpattention.errors import InputError
from gpattention.output.secrets import redact
from gpattention.runs.run import run

KEY = "0123456789abcdef" * 2 + "89abcdef"


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    return KEY


def test_texts_without_secrets(key, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "open sesame")
    for text in (
        f"the key {key} is wrong",
        f"+logger.api_key={'f' * 40}",
        f"{{api_key: {'f' * 40}}}",
        "https://me:open%20door@host/x and open sesame",
    ):
        hidden = redact(text)
        assert "***" in hidden
        for secret in (key, "f" * 40, "open%20door", "open sesame"):
            assert secret not in hidden
    for text in (
        "seed=0",
        "https://host:5000/x",
        "model.environment=token",
        "model.environment_token=shared",
        "a token: see",
    ):
        assert redact(text) == text


@pytest.mark.parametrize(
    ("override", "place"),
    [
        ("logger.name=${oc.env:WANDB_API_KEY}", "logger.name holds the value of WANDB_API_KEY"),
        (f"logger.tags=[x,a{KEY}b]", "logger.tags holds the value of WANDB_API_KEY"),
        (f"+logger.api_key={KEY}", "logger.api_key holds the value of WANDB_API_KEY"),
        (f"+logger.api_key={'f' * 40}", "unknown key logger.api_key"),
        (f"+wandb_api_key={'f' * 40}", "unknown key wandb_api_key"),
        ("logger.entity='https://me:open%20door@host'", "logger.entity=https://.* holds a password"),
    ],
)
def test_configuration_with_a_secret_is_refused_without_saying_it(key, override, place):
    with pytest.raises(InputError, match=place) as caught:
        check_config(compose_config([*SMALL, "logger=wandb", override]))
    for secret in (key, "f" * 40, "open%20door"):
        assert secret not in str(caught.value)


def test_tracked_run_leaves_no_key_behind(key, tmp_path, caplog, capsys):
    caplog.set_level("INFO")
    run(compose_config([*SMALL, "model=linear", "logger=wandb", "trainer.max_epochs=1"]), tmp_path / "run")
    for path in (tmp_path / "run").rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes(), path
    assert key not in caplog.text + "".join(capsys.readouterr())


def test_key_on_the_command_line_is_neither_printed_nor_kept(tmp_path):
    command = [sys.executable, str(ROOT / "train.py"), "-m", *SMALL, f"+logger.api_key={'f' * 40}", "seed=1,2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert done.stderr.startswith("error: +logger.api_key=***: a key or password on the command line")
    assert "f" * 40 not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
