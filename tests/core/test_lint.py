from pathlib import Path

import pytest

from lib.cuckoo.core.lint import lint_file

MODULE = '''"""Counts.

Options:
    known  a number
"""

from lib.cuckoo.common.abstracts import Processing
from lib.cuckoo.common.options import whole_number


class Counts(Processing):
    """Count."""

    key = "counts"

    def run(self) -> int:
        """Return the number."""
        return whole_number(self.options, "known", 1) + int({reading} or 0)
'''


@pytest.mark.parametrize(
    "reading",
    [
        'self.options.get("secret")',
        'self.options["secret"]',
        "self.options.secret",
        'whole_number(self.options, "secret", 1)',
    ],
)
def test_an_option_that_the_docstring_does_not_explain_is_a_problem(tmp_path: Path, reading: str) -> None:
    file = tmp_path / "counts.py"
    file.write_text(MODULE.replace("{reading}", reading))

    (problem,) = lint_file(file)

    assert "the docstring does not explain the option 'secret'" in str(problem)
