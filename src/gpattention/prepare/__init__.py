"""Raw files of genotypes and phenotypes, made into one prepared data set. The names given here are public: a configuration names them as its `_target_`."""

from gpattention.prepare.plink import open_plink
from gpattention.prepare.table import open_table
from gpattention.prepare.vcf import open_vcf
from gpattention.prepare.yeast_bbq import open_yeast_bbq
from gpattention.prepare.yeast_split import open_yeast_split

__all__ = ["open_plink", "open_table", "open_vcf", "open_yeast_bbq", "open_yeast_split"]
