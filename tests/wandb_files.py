"""The offline files of Weights & Biases, read back."""

import json
import struct
from pathlib import Path

from wandb.proto import wandb_internal_pb2 as pb


def records(path, block=32768):
    """The records of a W&B offline file: a leveldb log of protobuf messages."""
    content = path.read_bytes()
    assert content[:4] == b":W&B"
    position, parts = 7, []
    while position < len(content):
        left = block - position % block
        if left < 7:
            position += left
            continue
        if position + 7 > len(content):
            break
        _crc, size, kind = struct.unpack("<IHB", content[position : position + 7])
        if kind == 0:
            break
        parts.append(content[position + 7 : position + 7 + size])
        position += 7 + size
        if kind in (1, 4):
            record = pb.Record()
            record.ParseFromString(b"".join(parts))
            parts = []
            yield record


def values(items):
    return {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


def read_offline_run(folder: Path):
    (path,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    history, summary, config, about, exit_code = [], {}, {}, None, None
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "history":
            history.append(values(record.history.item))
        elif kind == "summary":
            summary |= values(record.summary.update)
        elif kind == "config":
            config |= values(record.config.update)
        elif kind == "run":
            about = record.run
        elif kind == "exit":
            exit_code = record.exit.exit_code
    return history, summary, config, about, exit_code
