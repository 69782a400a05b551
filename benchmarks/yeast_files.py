"""Simulated files in the formats of the published yeast cross: parts of posteriors, 18 phenotype tables, SNPs and QTLs.

python benchmarks/yeast_files.py FOLDER [--segregants 99950] [--snps 41594] [--parts 5] [--causal 100] [--distinct 2000]

At full size 9 GB. `--distinct` simulates that many genotypes, which later segregants repeat: minutes in place of an hour.
"""

import argparse
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

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
    parser.add_argument("--causal", type=int, default=100)
    parser.add_argument("--distinct", type=int)
    options = parser.parse_args()
    write_yeast_files(options.folder, options.segregants, options.snps, options.parts, options.causal, options.distinct)


class Line(NamedTuple):
    """All of a line but for its number: as text, and compressed so that it may stand anywhere in a gzip file."""

    text: bytes
    packed: bytes


def write_yeast_files(
    folder: Path, n_segregants: int, n_snps: int, n_parts: int, n_causal: int, n_distinct: int | None = None
) -> None:
    """Files of one simulated cross: a few causal SNPs with additive effects (epsilon 0.3) and fourth-order epistasis.

    Args:
        n_distinct: genotypes that are simulated; later segregants repeat them. None simulates all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    markers = random_markers(n_snps, rng)
    causal = np.sort(rng.choice(n_snps, n_causal, replace=False))
    n_distinct = min(n_segregants, n_distinct or n_segregants)
    at_causal = np.empty((n_distinct, n_causal), dtype=np.int8)
    lines: list[Line] = []
    for start in track(range(0, n_distinct, SEGREGANTS_AT_ONCE), "simulating"):
        genotype = simulate_cross(
            min(SEGREGANTS_AT_ONCE, n_distinct - start), markers, np.random.SeedSequence([1, start])
        )
        at_causal[start : start + len(genotype)] = genotype[:, causal]
        lines += write_posteriors(genotype, rng)
    bounds = [n_segregants * part // n_parts for part in range(n_parts + 1)]
    for part in track(range(n_parts), "writing genotypes"):
        write_part(folder / f"geno_data_{part + 1}.txt.gz", range(bounds[part], bounds[part + 1]), lines)
    at_causal = at_causal[np.arange(n_segregants) % n_distinct]
    write_phenotypes(folder, at_causal, rng)
    table = markers.table()
    names = np.array([f"snp{number}" for number in range(1, n_snps + 1)])
    snps = pd.DataFrame({"snp": names, "chromosome": table["chromosome"], "position_bp": table["position_bp"]})
    snps.to_csv(folder / "snp_list.tsv", sep="\t", index=False)
    qtls = pd.DataFrame(
        {"environment": np.repeat(ENVIRONMENTS, n_causal), "snp": np.tile(names[causal], len(ENVIRONMENTS))}
    )
    qtls.to_csv(folder / "qtls_18_environments.tsv", sep="\t", index=False)


def write_posteriors(genotype: np.ndarray, rng: np.random.Generator) -> Iterator[Line]:
    """Most genotypes are known well, some hardly: p is away from the allele by a beta variable."""
    # One row of bytes for each probability: "0.1234" and a tab.
    text = np.frombuffer(b"".join(b"%.*f\t" % (DIGITS, k / STEPS) for k in range(STEPS + 1)), np.uint8)
    text = text.reshape(STEPS + 1, DIGITS + 3)
    distance = np.round(STEPS * rng.beta(0.15, 1.5, 2**16)).astype(np.int16)
    for alleles in genotype:
        away = distance[rng.integers(0, 2**16, len(alleles), dtype=np.uint16)]
        line = text[np.where(alleles > 0, STEPS - away, away)].tobytes()[:-1] + b"\n"
        yield Line(line, pack(line))


def pack(text: bytes) -> bytes:
    """A piece of a deflate stream that ends on a byte and looks back to nothing before it."""
    compressor = zlib.compressobj(4, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(text) + compressor.flush(zlib.Z_FULL_FLUSH)


def write_part(path: Path, numbers: range, lines: list[Line]) -> None:
    """A gzip file of the lines, each with its number first."""
    checksum, size = 0, 0
    with path.open("wb") as file:
        file.write(b"\x1f\x8b\x08" + bytes(6) + b"\xff")
        for number in numbers:
            head, line = b"%d\t" % number, lines[number % len(lines)]
            file.write(pack(head) + line.packed)
            checksum, size = zlib.crc32(line.text, zlib.crc32(head, checksum)), size + len(head) + len(line.text)
        file.write(b"\x03\x00" + checksum.to_bytes(4, "little") + (size % 2**32).to_bytes(4, "little"))


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
