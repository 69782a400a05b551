"""Peak memory of `gpattention predict` for many genotypes in an array on disk, model after model, each in a process of its own.

python benchmarks/predict_memory.py [--individuals 100000] [--loci 1164] [--models linear pairwise_iterative kernel attention transformer]

The maps are fitted to a small simulated cross first, briefly: memory does not depend on how good they are. Networks predict a
twentieth of the individuals, as their memory does not depend on the number.
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

from gpattention.config import compose_config
from gpattention.run_folder.predict import predict
from gpattention.runs.run import run

BRIEFLY = {
    "pairwise_iterative": ["model.max_iterations=3"],
    "kernel": ["model.reml_individuals=200", "model.noise_factors=[1]"],
    "attention": ["trainer.max_epochs=1"],
    "transformer": ["trainer.max_epochs=1"],
}


def fit(folder: Path, model: str, n_loci: int) -> None:
    data = ["data.n_segregants=1500", f"data.n_loci={n_loci}", f"data.locus_spacing_cM={4500 / n_loci:.3f}"]
    run(compose_config([*data, "trainer=cpu", f"model={model}", *BRIEFLY.get(model, [])]), folder)


def write_genotypes(path: Path, n_individuals: int, n_loci: int, kind: str) -> None:
    genotype = np.lib.format.open_memmap(path, "w+", dtype=kind, shape=(n_individuals, n_loci))
    rng = np.random.default_rng(0)
    for start in range(0, n_individuals, 1000):
        block = genotype[start : start + 1000]
        block[:] = rng.integers(0, 2, block.shape) * 2 - 1


def measure(run_folder: Path, genotype_file: Path, output: Path) -> dict:
    start = time.perf_counter()
    predict(run=str(run_folder), genotype_file=str(genotype_file), output_file=str(output), accelerator="cpu")
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def apart(function, *arguments):  # type: ignore[no-untyped-def]
    """What a function returns in a process of its own, so that its peak of memory is its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as own:
        return own.submit(function, *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--individuals", type=int, default=100_000)
    parser.add_argument("--loci", type=int, default=1164)
    models = ["linear", "pairwise_iterative", "kernel", "attention", "transformer"]
    parser.add_argument("--models", nargs="+", default=models)
    options = parser.parse_args()
    result = {
        "benchmark": "predict_memory",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, numpy {np.__version__}",
        "loci": options.loci,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in options.models:
            is_network = model in ("attention", "transformer")
            n = options.individuals // 20 if is_network else options.individuals
            kind = "int8" if is_network else "float64"  # eight times the memory if it were read whole
            apart(fit, folder / model, model, options.loci)
            apart(write_genotypes, folder / "genotype.npy", n, options.loci, kind)
            given = apart(measure, folder / model, folder / "genotype.npy", folder / f"{model}.tsv")
            result[model] = {"individuals": n, "values": kind, **given}
            print(model, result[model], flush=True)
    written = Path(__file__).parent / "results" / "predict_memory_cpu.json"
    written.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {written}")


if __name__ == "__main__":
    main()
