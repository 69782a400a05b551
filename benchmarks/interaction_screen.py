"""The rate at which all sets of four loci are tested, against that of products of matrices on the same machine.

    python benchmarks/interaction_screen.py [--loci 100] [--individuals 99950] [--rounds 3]

The first round also takes the variances of the products, the others know them. Of a set and an individual two operations are the
least, so that `share` 1 is all that the machine can do.
"""

import argparse
import json
import platform
import time
from datetime import date
from pathlib import Path

import torch

from gpattention.regressions.interaction_screen import Screen, all_sets, least_statistic, measured_rate, n_sets, n_tests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--loci", type=int, default=100)
    parser.add_argument("--individuals", type=int, default=99_950)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(0)
    genotype_LN = (2 * torch.randint(0, 2, (options.loci, options.individuals)) - 1).float()
    residual_EN = torch.randn(1, options.individuals)
    residual_EN -= residual_EN.mean()
    screen, factors = Screen(genotype_LN, torch.ones_like(residual_EN)), all_sets(torch.arange(options.loci), 4)
    least = least_statistic(0.05 / n_tests(options.loci, 4))
    rows = []
    for number in range(1, options.rounds + 1):
        rate = measured_rate(genotype_LN)
        start = time.perf_counter()
        screen.strongest(factors, residual_EN, least, 1000)
        seconds = time.perf_counter() - start
        tested = n_sets(options.loci, 4) * options.individuals / seconds
        rows.append({"round": number, "seconds": seconds, "sets_times_individuals": tested, "share": 2 * tested / rate})
        print(
            f"round {number}: {seconds:.1f} s, {tested:.2e} sets x individuals a second, share {2 * tested / rate:.2f}"
        )
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    sizes = {"loci": options.loci, "individuals": options.individuals}
    content = {"benchmark": "interaction_screen", "date": date.today().isoformat(), "machine": machine, "sizes": sizes}
    path = Path(__file__).parent / "results" / "interaction_screen_cpu.json"
    path.write_text(json.dumps(content | {"results": rows}, indent=2) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
