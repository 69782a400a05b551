"""Simulated files in the formats of the published yeast cross: parts of posteriors, 18 phenotype tables, SNPs and QTLs.

python benchmarks/yeast_files.py FOLDER [--segregants 99950] [--snps 41594] [--parts 5] [--of-parts 5]

At full size about an hour and 10 GB. `--parts 1 --of-parts 5` writes the first of five parts, and phenotypes of its segregants.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
from rich.progress import track

from gpattention.data.cross import SEGREGANTS_AT_ONCE, random_markers, simulate_cross
from gpattention.data.phenotypes import simulate_phenotypes
from gpattention.prepare.yeast_bbq import ENVIRONMENTS

DIGITS = 4
STEPS = 10**DIGITS
NOISE = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--segregants", type=int, default=99_950)
    parser.add_argument("--snps", type=int, default=41_594)
    parser.add_argument("--parts", type=int, default=5)
    parser.add_argument("--of-parts", type=int)
    parser.add_argument("--causal", type=int, default=100)
    options = parser.parse_args()
    n_parts = options.of_parts or options.parts
    n = options.segregants * options.parts // n_parts
    write_yeast_files(options.folder, n, options.snps, options.parts, options.causal)


def write_yeast_files(folder: Path, n_segregants: int, n_snps: int, n_parts: int, n_causal: int) -> None:
    """Files of one simulated cross: a few causal SNPs with additive effects (epsilon 0.3) and fourth-order epistasis."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    markers = random_markers(n_snps, rng)
    causal = np.sort(rng.choice(n_snps, n_causal, replace=False))
    # One row of bytes for each probability: "0.1234" and a tab.
    text = np.frombuffer(b"".join(b"%.*f\t" % (DIGITS, k / STEPS) for k in range(STEPS + 1)), np.uint8)
    text = text.reshape(STEPS + 1, DIGITS + 3)
    # Most genotypes are known well, some hardly: a table of 65,536 draws of how far p is from the allele.
    distance = np.round(STEPS * rng.beta(0.15, 1.5, 2**16)).astype(np.int16)
    bounds = [n_segregants * part // n_parts for part in range(n_parts + 1)]
    at_causal = np.empty((n_segregants, n_causal), dtype=np.int8)
    for part in track(range(n_parts), "writing genotypes"):
        with gzip.open(folder / f"geno_data_{part + 1}.txt.gz", "wb", compresslevel=4) as file:
            for start in range(bounds[part], bounds[part + 1], SEGREGANTS_AT_ONCE):
                n = min(SEGREGANTS_AT_ONCE, bounds[part + 1] - start)
                genotype = simulate_cross(n, markers, np.random.SeedSequence([1, start]))
                at_causal[start : start + n] = genotype[:, causal]
                for row, alleles in enumerate(genotype, start):
                    away = distance[rng.integers(0, 2**16, n_snps, dtype=np.uint16)]
                    step = np.where(alleles > 0, STEPS - away, away)
                    file.write(b"%d\t" % row + text[step].tobytes()[:-1] + b"\n")
    write_phenotypes(folder, at_causal, rng)
    table = markers.table()
    names = np.array([f"snp{number}" for number in range(1, n_snps + 1)])
    snps = pd.DataFrame({"snp": names, "chromosome": table["chromosome"], "position_bp": table["position_bp"]})
    snps.to_csv(folder / "snp_list.tsv", sep="\t", index=False)
    qtls = pd.DataFrame(
        {"environment": np.repeat(ENVIRONMENTS, n_causal), "snp": np.tile(names[causal], len(ENVIRONMENTS))}
    )
    qtls.to_csv(folder / "qtls_18_environments.tsv", sep="\t", index=False)


def write_phenotypes(folder: Path, genotype: np.ndarray, rng: np.random.Generator) -> None:
    phenotype, truth = simulate_phenotypes(
        genotype,
        epsilon=0.3,
        order=4,
        n_interactions=None,
        coefficients="gaussian",
        temperatures=np.linspace(23, 37, len(ENVIRONMENTS)).tolist(),
        noise=NOISE,
        coefficient_rng=np.random.default_rng(2),
        noise_rng=np.random.default_rng(3),
    )
    error = NOISE * truth.noiseless.std(axis=0)
    for column, name in enumerate(ENVIRONMENTS):
        table = pd.DataFrame(
            {"Number": np.arange(len(genotype)), "Fitness": phenotype[:, column], "Std Error": error[column]}
        )
        table.loc[rng.random(len(table)) < 0.02, ["Fitness", "Std Error"]] = np.nan
        table.to_csv(folder / f"pheno_data_{name}.txt", sep="\t", index=False, na_rep="nan", float_format="%.6g")


if __name__ == "__main__":
    main()
