"""Of simulated sets that a run of model=interactions did not choose: the z that each has where all true sets are fitted together.

    python benchmarks/missed_interactions.py RUN_FOLDER [RUN_FOLDER ...]

A set below the threshold of the search could not have passed.
"""

import sys
from pathlib import Path

import numpy as np

from gpattention.interpret.fitted_map import data_of
from gpattention.regressions.interaction_screen import least_statistic, n_tests
from gpattention.run_folder.files import TRUTH, read_arrays_of
from gpattention.run_folder.interactions import loci_of, read_interactions
from gpattention.run_folder.loading import load_run


def main() -> None:
    for folder in map(Path, sys.argv[1:]):
        run = load_run(folder)
        data = data_of(run)
        rows, names = data.split.train, run.preprocessing.locus_names
        genotype, phenotype = data.data.genotype[rows].astype(float), data.data.phenotype[rows][:, 0]
        true = read_arrays_of(folder, TRUTH, ("interacting_loci",))["interacting_loci"]
        design = np.column_stack([np.ones(len(rows)), genotype, *(genotype[:, loci].prod(1) for loci in true)])
        products = design.T @ design
        coefficient = np.linalg.solve(products, design.T @ phenotype)
        noise = ((phenotype - design @ coefficient) ** 2).sum() / (len(rows) - design.shape[1])
        z = np.abs(coefficient / np.sqrt(np.diag(np.linalg.inv(products)) * noise))[-len(true) :]
        chosen = {frozenset(loci) for loci in loci_of(read_interactions(folder))}
        missed = [value for loci, value in zip(true, z, strict=True) if frozenset(names[k] for k in loci) not in chosen]
        least = least_statistic(0.05 / n_tests(genotype.shape[1], 4)) ** 0.5
        listed = ", ".join(f"{value:.1f}" for value in sorted(missed))
        print(f"{folder.name}: threshold {least:.1f}, missed {len(missed)} of {len(true)}, their z {listed}")


if __name__ == "__main__":
    main()
