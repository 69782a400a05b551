"""A simulated cross of genome size: seconds, and peak memory of the process.

python benchmarks/genome_cross.py [--segregants 100000] [--snps 41594]
"""

import argparse
import json
import platform
import resource
import time
from datetime import date
from pathlib import Path

import numpy as np

from gpattention.data.cross import random_markers, simulate_cross


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segregants", type=int, default=100_000)
    parser.add_argument("--snps", type=int, default=41_594)
    options = parser.parse_args()
    start = time.perf_counter()
    markers = random_markers(options.snps, np.random.default_rng(0))
    genotype = simulate_cross(options.segregants, markers, np.random.SeedSequence(0))
    result = {
        "benchmark": "genome_cross",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, numpy {np.__version__}",
        "segregants": options.segregants,
        "snps": options.snps,
        "seconds": round(time.perf_counter() - start, 1),
        "genotype_gib": round(genotype.nbytes / 2**30, 2),
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    for name, value in result.items():
        print(f"{name:16} {value}")
    path = Path(__file__).parent / "results" / "genome_cross_cpu.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
