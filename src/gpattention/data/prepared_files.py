"""Names of the files of a prepared data set: what `gpattention prepare` writes and `data=prepared` reads."""

GENOTYPES = "genotypes.npy"  # (N, L) alleles in [-1, 1]: int8 calls or float16 dosages
PHENOTYPES = "phenotypes.tsv"  # a row per individual in the order of the genotypes, a column per environment
STANDARD_ERRORS = "standard_errors.tsv"  # of the same form; where there are any
LOCI = "loci.tsv"  # a row per column of the genotypes, the name first
SPLIT = "split.tsv"  # a row per individual: train, val or test; where the source has a split
CAUSAL_LOCI = "causal_loci.tsv"  # environment and locus, a row per causal locus; where such a list was given
MANIFEST = "manifest.json"  # what all this was made from, and how

CONTENTS = (GENOTYPES, PHENOTYPES, STANDARD_ERRORS, LOCI, SPLIT, CAUSAL_LOCI)

FORMAT = 2  # raise it when the files change
