"""What the outputs of many environments add to a training step: joint maps of E environments against maps of one.

The same step (forward, weighted loss, gradients, optimizer), alternating within one process.

    python benchmarks/joint_step.py [--loci 300] [--batch 64] [--environments 18] [--repeats 15]
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from gpattention.models.attention import Attention
from gpattention.models.transformer import Transformer
from gpattention.training.by_gradients import weighted_squared_error

MODELS: dict[str, Callable[..., nn.Module]] = {"attention": Attention, "transformer": Transformer}


def make_step(model: str, n_environments: int, options: argparse.Namespace) -> Callable[[], float]:
    torch.manual_seed(0)
    mode: dict[str, Any] = {"environment": "joint" if n_environments > 1 else "none", "n_environments": n_environments}
    network = MODELS[model](n_loci=options.loci, **mode)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    genotype = torch.randint(0, 2, (options.batch, options.loci)).float() * 2 - 1
    phenotype = torch.randn(options.batch, n_environments)
    weight = (torch.rand(options.batch, n_environments) < 0.95).float()

    def step() -> float:
        start = time.perf_counter()
        loss = weighted_squared_error(network(genotype), phenotype, weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return time.perf_counter() - start

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loci", type=int, default=300)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--environments", type=int, default=18)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--print-only", action="store_true", help="leave benchmarks/results as it is")
    options = parser.parse_args()

    table = Table(title=f"One training step, B={options.batch}, L={options.loci}", title_justify="left")
    for heading in ("model", "seconds, one environment", f"seconds, {options.environments} environments", "ratio"):
        table.add_column(heading)
    results = {}
    for model in MODELS:
        one, many = make_step(model, 1, options), make_step(model, options.environments, options)
        one(), many()  # warm up
        pairs = [(one(), many()) for _ in range(options.repeats)]
        medians = [statistics.median(values) for values in zip(*pairs, strict=True)]
        ratio = statistics.median(b / a for a, b in pairs)
        results[model] = {"seconds_one_and_many": pairs, "ratio_median": ratio}
        table.add_row(model, *(f"{value:.3f}" for value in medians), f"{ratio:.2f}")
    Console().print(table)

    if options.print_only:
        return
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    sizes = {"batch": options.batch, "loci": options.loci, "environments": options.environments}
    content = {"benchmark": "joint_step", "date": date.today().isoformat(), "machine": machine, "sizes": sizes}
    path = Path(__file__).parent / "results" / "joint_step_cpu.json"
    path.write_text(json.dumps(content | {"results": results}, indent=2) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
