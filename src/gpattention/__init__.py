"""Maps from genotype to phenotype with attention, beside the regressions that geneticists trust."""

import os

# Waiting threads sleep rather than spin. On a machine with other work a spinning barrier makes a small network ten times
# slower and more; on an idle one it gains little. Read once, when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
