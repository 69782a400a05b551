"""Softmax attention over loci, by one of two arithmetics that give the same numbers.

Letters: B batch, H heads, T tokens, D width of a head.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

AttentionKernel = Literal["auto", "fused", "plain"]

# Below this number of tokens the plain softmax is faster on a CPU: 0.8x at 100 tokens, 1.2x at 300, 3x at 1,164.
FUSED_FROM_TOKENS = 200


def attend(
    query_BHTD: Tensor,
    key_BHTD: Tensor,
    value_BHTD: Tensor,
    scale: float,
    kernel: AttentionKernel = "auto",
    dropout: float = 0.0,
) -> Tensor:
    """softmax(scale * Q K^T) V over the last two axes; (B, H, T, D) in and out.

    `fused` never stores the (T, T) weights; `plain` does. `auto` takes `fused` on an accelerator, and on a CPU from
    200 tokens on. `dropout` is the share of attention weights set to zero (0 outside training).
    """
    if kernel == "auto":
        small_on_cpu = query_BHTD.device.type == "cpu" and query_BHTD.shape[-2] < FUSED_FROM_TOKENS
        kernel = "plain" if small_on_cpu else "fused"
    if kernel == "fused":
        return F.scaled_dot_product_attention(query_BHTD, key_BHTD, value_BHTD, dropout_p=dropout, scale=scale)
    return F.dropout(attention_weights(query_BHTD, key_BHTD, scale), dropout) @ value_BHTD


def attention_weights(query_BHTD: Tensor, key_BHTD: Tensor, scale: float) -> Tensor:
    """(B, H, T, T) softmax rows: how much each token takes from the values of all."""
    return torch.softmax((query_BHTD * scale) @ key_BHTD.mT, dim=-1)


class SoftmaxAttention(nn.Module):
    """`attend` as a part of a network, so that its queries and keys can be watched by a hook; has no parameters.

    Args:
        scale, kernel, dropout: see `attend`; there is no dropout outside training.
    """

    def __init__(self, scale: float, kernel: AttentionKernel, dropout: float = 0.0) -> None:
        super().__init__()
        self.scale, self.kernel, self.dropout = scale, kernel, dropout

    def forward(self, query_BHTD: Tensor, key_BHTD: Tensor, value_BHTD: Tensor) -> Tensor:
        """(B, H, T, D) in and out."""
        dropout = self.dropout if self.training else 0.0
        return attend(query_BHTD, key_BHTD, value_BHTD, self.scale, self.kernel, dropout)
