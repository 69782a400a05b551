import pytest
import torch

from gpattention.models import kernels


@pytest.mark.parametrize("n_tokens", [7, 250])
@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_kernels_give_equal_values_and_gradients(n_tokens, scale):
    torch.manual_seed(0)
    inputs = [torch.randn(2, 2, n_tokens, 5, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    results = {}
    for kernel in ("plain", "fused"):
        output = kernels.attend(*inputs, scale, kernel)
        results[kernel] = [output, *torch.autograd.grad(output.square().sum(), inputs)]
    for plain, fused in zip(results["plain"], results["fused"], strict=True):
        torch.testing.assert_close(plain, fused, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("n_tokens", "fused"), [(20, False), (kernels.FUSED_FROM_TOKENS, True)])
def test_auto_chooses_by_size_on_a_cpu(n_tokens, fused, monkeypatch):
    calls = []
    original = kernels.F.scaled_dot_product_attention
    monkeypatch.setattr(kernels.F, "scaled_dot_product_attention", lambda *a, **k: calls.append(1) or original(*a, **k))
    kernels.attend(*(torch.randn(1, 1, n_tokens, 3) for _ in range(3)), 1.0, "auto")
    assert bool(calls) == fused
