"""What syft leaves behind when it is refused memory, as seen: not always in the same words."""

from __future__ import annotations

import pytest

from bailiwick.policy.images.references import Reference
from bailiwick.scanners import errors
from bailiwick.scanners.service import failures

IMAGE = Reference("registry.example.com", "shop/cart", "", "sha256:" + "a" * 64)


@pytest.mark.parametrize(
    "stderr",
    [
        "fatal error: runtime: out of memory\n\nruntime stack:\n",
        "fatal error: runtime: cannot allocate memory\n\nruntime stack:\n",
        "SIGSEGV: segmentation violation\nPC=0x43765d m=7 sigcode=1 addr=0x0\n\ngs     0x0\n",
    ],
)
def test_a_crash_for_want_of_memory_is_an_image_too_large(stderr: str) -> None:
    assert failures.of_syft(2, stderr, IMAGE).reason == failures.TOO_LARGE
    assert failures.grype_failed(stderr, IMAGE).reason == failures.TOO_LARGE


def test_a_fault_of_the_program_itself_is_none() -> None:
    stderr = "panic: runtime error: invalid memory address\n[signal SIGSEGV: segmentation violation"
    error = failures.of_syft(2, stderr, IMAGE)
    assert (error.reason, error.permanent) == (errors.FAILED, False)
