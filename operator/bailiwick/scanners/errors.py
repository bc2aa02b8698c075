"""Why an image could not be scanned, in words that a person can act on."""

from __future__ import annotations

from typing import Final


class ScanError(Exception):
    """A scan, or a question to a scanner, that failed.

    `reason` is a code for conditions and metrics, `message` a sentence for people. `permanent`
    where trying again soon cannot help. `retry_after` are the seconds that the scanner asked to
    wait. `scanner_fault` where it is not about this image: others will fail likewise.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        scanner_fault: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.permanent = permanent
        self.retry_after = retry_after
        self.scanner_fault = scanner_fault


UNREACHABLE: Final = "ScannerUnreachable"
UNAUTHORIZED: Final = "ScannerUnauthorized"
BUSY: Final = "ScannerBusy"
FAILED: Final = "ScannerFailed"
INVALID_ANSWER: Final = "ScannerAnswerInvalid"
ANSWER_TOO_LARGE: Final = "ScannerAnswerTooLarge"
NOT_SUITABLE: Final = "ScannerNotSuitable"
OTHER_DIGEST: Final = "ReportForOtherDigest"
FORGOTTEN: Final = "ScanForgotten"
TIMED_OUT: Final = "ScanTimedOut"
REFUSED: Final = "ScanRefused"
REGISTRY_UNAUTHORIZED: Final = "RegistryUnauthorized"
IMAGE_NOT_FOUND: Final = "ImageNotFound"
NO_SUCH_PLATFORM: Final = "PlatformMissing"
PENDING: Final = "ReportPending"
AMBIGUOUS: Final = "ReportAmbiguous"
