import pytest
import torch

from gpattention.regressions.conjugate_gradients import ConjugateGradients

FUNCTIONALS = torch.linspace(-1, 1, 80, dtype=torch.float64).reshape(40, 2) ** 3
SHIFTS = [300.0, 0.5, 20.0]  # in any order


def make_systems(n_systems=3, size=40, rank=30):
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(n_systems, rank, size, dtype=torch.float64, generator=generator)
    right = torch.randn(n_systems, size, dtype=torch.float64, generator=generator)
    return root.mT @ root, right


def iterate(solver, matrices, n_steps):
    for _ in range(n_steps):
        solver.image.copy_(torch.einsum("kab,kb->ka", matrices, solver.direction))
        solver.values.copy_(solver.direction @ FUNCTIONALS)
        solver.step()


def start(right, tolerance=1e-12):
    solver = ConjugateGradients(torch.zeros_like(right), 2, SHIFTS, tolerance)
    solver.image.copy_(right)
    solver.step()
    return solver


def test_every_shift_of_every_system_is_solved():
    matrices, right = make_systems()
    solver = start(right)
    iterate(solver, matrices, 45)
    assert solver.solved.all()
    for shift, solution in zip(sorted(SHIFTS), solver.solutions, strict=True):
        wanted = torch.linalg.solve(matrices + shift * torch.eye(40, dtype=torch.float64), right)
        torch.testing.assert_close(solution, wanted, rtol=0, atol=1e-10 * wanted.abs().max().item())
    torch.testing.assert_close(solver.solution_values, solver.solutions @ FUNCTIONALS, rtol=0, atol=1e-10)


def test_residuals_are_those_of_the_equations_after_every_step():
    matrices, right = make_systems()
    solver = start(right)
    for _ in range(12):
        for shift, solution, residual in zip(sorted(SHIFTS), solver.solutions, solver.relative_residual, strict=True):
            left = torch.einsum("kab,kb->ka", matrices, solution) + shift * solution
            torch.testing.assert_close(residual, (right - left).norm(dim=1) / right.norm(dim=1), rtol=1e-6, atol=1e-12)
        iterate(solver, matrices, 1)


def test_what_is_solved_stays_as_it_is_and_nothing_to_solve_is_solved_at_once():
    matrices, right = make_systems()
    right[1] = 0
    solver = start(right, tolerance=1e-3)
    assert solver.solved[:, 1].all()
    while not solver.solved[-1].all():
        iterate(solver, matrices, 1)
    largest, smallest = solver.solutions[-1].clone(), solver.solutions[0].clone()
    iterate(solver, matrices, 60)
    assert torch.equal(solver.solutions[-1], largest)
    assert not torch.equal(solver.solutions[0], smallest)
    assert solver.solutions[:, 1].count_nonzero() == 0
    assert solver.solutions.isfinite().all()


def test_goes_on_from_its_state():
    matrices, right = make_systems()
    solver = start(right)
    iterate(solver, matrices, 5)
    other = ConjugateGradients(torch.zeros_like(right), 2, SHIFTS, 1e-12)
    other.load_state_dict(solver.state_dict())
    for each in (solver, other):
        iterate(each, matrices, 5)
    assert torch.equal(solver.solutions, other.solutions)
    assert torch.equal(solver.solution_values, other.solution_values)


def test_products_are_taken_of_one_sequence_of_directions():
    """As many steps as the smallest shift takes alone."""
    matrices, right = make_systems()
    together = start(right, tolerance=1e-8)
    alone = ConjugateGradients(torch.zeros_like(right), 2, [0.5], 1e-8)
    alone.image.copy_(right)
    alone.step()
    for _ in range(15):
        iterate(together, matrices, 1)
        iterate(alone, matrices, 1)
        torch.testing.assert_close(together.solutions[0], alone.solutions[0])
    assert together.relative_residual[0].tolist() == pytest.approx(alone.relative_residual[0].tolist())
