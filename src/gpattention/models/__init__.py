"""Networks: from genotypes, and environments where they take them, to phenotypes. The names given here are public: a configuration names them as its `_target_`."""

from gpattention.models.attention import Attention
from gpattention.models.bounded_attention import BoundedAttention
from gpattention.models.latent_traits import LatentTraits
from gpattention.models.transformer import Transformer

__all__ = ["Attention", "BoundedAttention", "LatentTraits", "Transformer"]
