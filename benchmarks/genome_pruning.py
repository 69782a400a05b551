"""Pruning of a genome-sized cross that lies on disk: seconds, and peak memory of the process that prunes.

python benchmarks/genome_pruning.py [--segregants 72213] [--snps 41594] [--max-correlation 0.94] [--dense 3000]

The cross is simulated and written as int8 once; each order is pruned in a process of its own, from a map of the file. The
first loci are pruned by the full matrix of their correlations too, and the two sets compared.
"""

import argparse
import json
import platform
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from gpattention.data.cross import random_markers, simulate_cross
from gpattention.data.pruning import prune_loci


def write_cross(path: Path, n_segregants: int, n_snps: int) -> None:
    markers = random_markers(n_snps, np.random.default_rng(0))
    np.save(path, simulate_cross(n_segregants, markers, np.random.SeedSequence(0)))


def prune(path: Path, max_correlation: float, order: str) -> dict:
    genotype = np.load(path, mmap_mode="r")
    start = time.perf_counter()
    kept = prune_loci(genotype, max_correlation, order, np.random.default_rng(0))  # type: ignore[arg-type]
    return {
        "order": order,
        "loci_left": len(kept),
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(time.process_time(), 1),
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def same_as_dense(path: Path, max_correlation: float, n_loci: int) -> bool:
    genotype = np.array(np.load(path, mmap_mode="r")[:, :n_loci])
    correlation = np.abs(np.corrcoef(genotype, rowvar=False))
    for order in ("ascending", "random"):
        positions = np.random.default_rng(0).permutation(n_loci) if order == "random" else np.arange(n_loci)
        kept: list[int] = []
        for locus in positions:
            if not (correlation[locus, kept] > max_correlation).any():
                kept.append(int(locus))
        given = prune_loci(genotype, max_correlation, order, np.random.default_rng(0))  # type: ignore[arg-type]
        if given.tolist() != sorted(kept):
            return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segregants", type=int, default=72_213)
    parser.add_argument("--snps", type=int, default=41_594)
    parser.add_argument("--max-correlation", type=float, default=0.94)
    parser.add_argument("--dense", type=int, default=3000)
    options = parser.parse_args()
    result = {
        "benchmark": "genome_pruning",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, numpy {np.__version__}",
        "segregants": options.segregants,
        "snps": options.snps,
        "max_correlation": options.max_correlation,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "genotype.npy"
        for order in ("random", "ascending"):
            with ProcessPoolExecutor(1, get_context("spawn")) as own:  # so that its peak of memory is its own
                if not path.exists():
                    with ProcessPoolExecutor(1, get_context("spawn")) as writer:
                        writer.submit(write_cross, path, options.segregants, options.snps).result()
                result[order] = own.submit(prune, path, options.max_correlation, order).result()
        with ProcessPoolExecutor(1, get_context("spawn")) as own:
            result["same_as_dense"] = own.submit(same_as_dense, path, options.max_correlation, options.dense).result()
    text = json.dumps(result, indent=2)
    print(text)
    written = Path(__file__).parent / "results" / "genome_pruning_cpu.json"
    written.write_text(text + "\n")
    print(f"written to {written}")


if __name__ == "__main__":
    main()
