"""Interactions found where there are none: the phenotypes of a data set permuted among its individuals, again and again.

python benchmarks/permuted_interactions.py FOLDER_OF_BBQ_LI83 [--permutations 20]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from gpattention.config import compose_config
from gpattention.run_folder.interactions import read_interactions
from gpattention.runs.run import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--permutations", type=int, default=20)
    options = parser.parse_args()
    table = pd.read_csv(options.folder / "phenotypes.tsv", sep="\t")
    for seed in range(options.permutations):
        with tempfile.TemporaryDirectory() as name:
            order = np.random.default_rng(seed).permutation(len(table))
            permuted = Path(name).resolve() / "phenotypes.tsv"
            table.assign(Li=table["Li"].to_numpy()[order]).to_csv(permuted, sep="\t", index=False)
            common = ["experiment=yeast_lithium", f"data.root={options.folder.resolve().parent}", "trainer=cpu"]
            common += [f"data.phenotype_file={permuted}", "data.standard_error_file=null"]
            r2 = {
                m: run(compose_config([*common, f"model={m}"]), Path(name) / m)["test/r2"]
                for m in ("linear", "interactions")
            }
            found = read_interactions(Path(name) / "interactions")
        print(
            f"permutation {seed}: {len(found)} sets, test R2 {r2['interactions']:.6f}, linear {r2['linear']:.6f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
