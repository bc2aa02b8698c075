"""Trivy Operator as far as the API server can tell it from the real one: who writes its reports."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from tests.controlplane.api import Api, ApiError, Json
from tests.controlplane.kubectl import Kubectl
from tests.scanners.trivy import API_VERSION, DEFINITIONS, metadata, report


def path(namespace: str, name: str = "", plural: str = "vulnerabilityreports") -> str:
    """Where reports of a namespace are, or one of them."""
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


def define(admin: Kubectl) -> None:
    """Install the definitions, and wait until they are served."""
    for each in DEFINITIONS:
        admin.apply(each)
    names = [f"crd/{each['metadata']['name']}" for each in DEFINITIONS]
    admin("wait", "--for=condition=Established", "--timeout=60s", *names)


def remove(admin: Kubectl) -> None:
    """Take the definitions and every report away."""
    names = [each["metadata"]["name"] for each in DEFINITIONS]
    admin("delete", "crd", "--ignore-not-found", "--wait=true", *names)


def write(api: Api, body: Json) -> Json:
    """Create a report."""
    plural = f"{body['kind'].lower()}s"
    return api.create(path(body["metadata"]["namespace"], plural=plural), body)


@contextmanager
def renewing(api: Api, namespace: str, workload: str, digest: str) -> Iterator[None]:
    """Make a report without findings anew, as often as it is deleted."""
    where = metadata(namespace, workload)
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.2):
            with suppress(ApiError):
                api.get(path(namespace, where["name"]))
                continue
            # A scan takes a moment, and its instants are in whole seconds.
            time.sleep(1)
            made = datetime.now(UTC) + timedelta(seconds=1)
            with suppress(ApiError):
                write(api, report(where, digest=digest, updated=made))

    thread = threading.Thread(target=work, name="trivy-operator")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
