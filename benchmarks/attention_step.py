"""One training step of the attention model against the published arithmetic: time and memory.

The published arithmetic builds the (B, L, L) one-hot matrix of the genotypes, multiplies it by the embedding and takes
a plain softmax. Both do the same step (loss, gradients, Adam) from the same weights. Times alternate within one
process; memory is the peak of a process of its own above what it held before the first step.

    python benchmarks/attention_step.py [--loci 1164] [--batch 64] [--dim 12] [--repeats 5]
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from gpattention.models.attention import Attention


class PublishedAttention(nn.Module):
    """The published arithmetic with the weights of an `Attention`."""

    def __init__(self, model: Attention) -> None:
        super().__init__()
        assert model.embedding is not None
        self.embedding = nn.Parameter(model.embedding.detach().clone())
        parts = [weight.detach().chunk(3, dim=1) for weight in model.query_key_value]
        self.query = nn.ParameterList(q.clone() for q, _, _ in parts)
        self.key = nn.ParameterList(k.clone() for _, k, _ in parts)
        self.value = nn.ParameterList(v.clone() for _, _, v in parts)
        self.readout = nn.Parameter(model.readout.weight.detach().clone())
        self.offset = nn.Parameter(model.readout.offset.detach().clone())

    def forward(self, genotype: Tensor) -> Tensor:
        n, n_loci = genotype.shape
        one_hot = torch.zeros(n, n_loci, n_loci)
        index = torch.arange(n_loci)
        one_hot[:, index, index] = genotype
        token = torch.cat([one_hot @ self.embedding, torch.ones(n, n_loci, 1)], dim=2)
        for query, key, value in zip(self.query, self.key, self.value, strict=True):
            score = torch.matmul(token @ query, (token @ key).transpose(1, 2))
            token = torch.matmul(torch.softmax(score, dim=-1), token @ value)
        return torch.einsum("bld,ld->b", token, self.readout)[:, None] + self.offset


def make_step(which: str, options: argparse.Namespace) -> Callable[[], float]:
    torch.manual_seed(0)
    model: nn.Module = Attention(n_loci=options.loci, embedding_dim=options.dim)
    if which == "published":
        model = PublishedAttention(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(1)
    genotype = torch.randint(0, 2, (options.batch, options.loci), generator=generator).float() * 2 - 1
    phenotype = torch.randn(options.batch, 1, generator=generator)

    def step() -> float:
        loss = ((model(genotype) - phenotype) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def resident_mib(field: str) -> float:
    """VmRSS, memory held now, or VmHWM, its peak since the last reset (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 2**10 for line in lines if line.startswith(field))


def memory_of(which: str, arguments: list[str]) -> float:
    """MiB that two steps add to the peak of a process of their own."""
    command = [sys.executable, __file__, "--memory-of", which, *arguments]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loci", type=int, default=1164)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--dim", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--print-only", action="store_true", help="leave benchmarks/results as it is")
    parser.add_argument("--memory-of", choices=["published", "ours"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        step = make_step(options.memory_of, options)
        before = resident_mib("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        step()
        step()
        print(resident_mib("VmHWM") - before)
        return

    steps = {which: make_step(which, options) for which in ("published", "ours")}
    losses = {which: step() for which, step in steps.items()}  # a warm-up, and a check that both do the same
    assert abs(losses["published"] - losses["ours"]) < 1e-4 * abs(losses["published"]), losses
    seconds: dict[str, list[float]] = {which: [] for which in steps}
    for _ in range(options.repeats):
        for which, step in steps.items():
            start = time.perf_counter()
            step()
            seconds[which].append(time.perf_counter() - start)
    sizes = ["--loci", str(options.loci), "--batch", str(options.batch), "--dim", str(options.dim)]
    memory = {which: memory_of(which, sizes) for which in steps}
    median = {which: statistics.median(values) for which, values in seconds.items()}
    ratios = sorted(p / o for p, o in zip(seconds["published"], seconds["ours"], strict=True))

    table = Table(
        title=f"One training step, B={options.batch}, L={options.loci}, d={options.dim}", title_justify="left"
    )
    for heading in ("arithmetic", "seconds (median)", "memory (MiB above baseline)"):
        table.add_column(heading)
    for which in steps:
        table.add_row(which, f"{median[which]:.3f}", f"{memory[which]:,.0f}")
    table.add_row("published / ours", f"{statistics.median(ratios):.2f}", f"{memory['published'] / memory['ours']:.1f}")
    Console().print(table)

    if options.print_only:
        return
    result = {
        "benchmark": "attention_step",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        "sizes": {"batch": options.batch, "loci": options.loci, "dim": options.dim},
        "seconds": seconds,
        "memory_mib": memory,
        "time_ratio_median": statistics.median(ratios),
        "memory_ratio": memory["published"] / memory["ours"],
    }
    path = Path(__file__).parent / "results" / "attention_step_cpu.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
