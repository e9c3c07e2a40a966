"""Student's t against scipy's."""

import subprocess
import sys

import pytest
from scipy.special import stdtrit

from genopt_tui.learn.student import t_quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 29, 49, 99, 500, 9_999])
@pytest.mark.parametrize("p", [0.5, 0.6, 0.75, 0.9, 0.95, 0.975, 0.995, 0.9995])
def test_as_scipy_says(p: float, freedom: int) -> None:
    assert t_quantile(p, freedom) == pytest.approx(float(stdtrit(freedom, p)), rel=1e-9, abs=1e-12)


def test_the_best_version_is_found_without_scipy() -> None:
    """The application asks for it, and would keep scipy and numpy in memory for this alone."""
    code = (
        "import sys; from genopt_tui.session.history.best import compute_bound; from types import SimpleNamespace as N; "
        "assert 1.8 < 10 - compute_bound(N(score=10.0, stderr=1.0, n=10, rank=None), 'higher') < 1.84; assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
