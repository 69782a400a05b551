"""Processes that share a piece of work, started as torchrun starts them but forked from a server that has loaded the program."""

import os
import pickle
import socket

from gpattention.sweeps.workers import PROCESSES, load_ahead


def share(n, function, *arguments):
    """What `function(*arguments)` returns in each of n processes of one group, in the order of their numbers."""
    load_ahead()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    queue = PROCESSES.SimpleQueue()
    started = [PROCESSES.Process(target=work, args=(queue, n, k, port, function, arguments)) for k in range(n)]
    for process in started:
        process.start()
    results = {number: pickle.loads(content) for number, content in (queue.get() for _ in started)}
    for process in started:
        process.join()
    for result in results.values():
        if isinstance(result, Exception):
            raise result
    return [results[k] for k in range(n)]


def work(queue, n, number, port, function, arguments):
    os.environ |= {
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(n),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "test",
    }
    import torch

    from gpattention import ranks
    from gpattention.output.silenced_warnings import quiet_libraries

    torch.set_num_threads(1)
    quiet_libraries()
    try:
        ranks.join({"devices": n, "num_nodes": 1, "accelerator": "cpu"})
        queue.put((number, pickle.dumps(function(*arguments))))  # by value: tensors too
    except Exception as error:
        queue.put((number, pickle.dumps(error)))
