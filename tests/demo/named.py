"""A cluster that the user named on make's command line: looked at first, left as it was after."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.controlplane import binaries
from tests.controlplane.identity import Identity
from tests.controlplane.kubectl import Kubectl, KubectlError
from tests.controlplane.processes import Scratch
from tests.demo.errors import DemoError

PREFIX: Final = "bailiwick-demo-"
HOME: Final = f"{PREFIX}system"
AUDITOR: Final = "auditor"
_MADE: Final = "crd,clusterrole,clusterrolebinding,namespace"
_TOKEN_LASTS: Final = "8h"


class NamedCluster:
    """Credentials for a cluster of the user's, in a directory that is removed at the end.

    `directory`, `admin`, `auditor` and `operator()` are as those of ControlPlane.
    """

    def __init__(self, kubeconfig: str, context: str = "") -> None:
        self._scratch = Scratch()
        self.directory = self._scratch.path
        try:
            self._config = _read_config(kubeconfig, context)
        except BaseException:
            self._scratch.remove()
            raise
        self.context: str = self._config["current-context"]
        self.server: str = self._config["clusters"][0]["cluster"]["server"]
        self.admin = self._identity("admin", self._config["users"][0]["user"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._scratch.remove()

    def operator(self) -> Identity:
        """The operator's service account, by a token that ends by itself."""
        return self._service_account("bailiwick-operator")

    @property
    def auditor(self) -> Identity:
        """A service account with the auditor's role."""
        return self._service_account(AUDITOR)

    def look(self) -> None:
        """Make sure that nothing here is in the demo's way, and the demo in nobody's.

        Raises:
            DemoError: It cannot be reached, or Bailiwick or another demo is there already.
        """
        kubectl = Kubectl(self.admin)
        try:
            names = kubectl(
                "get", "crd,clusterrole,clusterrolebinding,namespace", "-o", "name"
            ).split()
            labelled = kubectl("get", "namespace", "-l", "bailiwick.dev/profile", "-o", "name")
            kubectl("auth", "can-i", "create", "clusterroles")
            kubectl("auth", "can-i", "create", "customresourcedefinitions")
        except KubectlError as error:
            raise DemoError(
                f"The cluster of context {self.context} does not answer as it should: {error.said} "
                "Check KUBECONFIG and CONTEXT, or run make demo without them."
            ) from error
        found = [name for name in names if _is_ours(name)] + labelled.split()
        if found:
            raise DemoError(
                f"The cluster of context {self.context} has Bailiwick, or what an earlier demo "
                f"left: {', '.join(found[:5])}. Nothing was changed. The demo would remove it at "
                "its end, so it does not run beside it: name another cluster, or remove these."
            )

    def _service_account(self, name: str) -> Identity:
        kubectl = Kubectl(self.admin)
        token = kubectl(
            "create", "token", name, f"--namespace={HOME}", f"--duration={_TOKEN_LASTS}"
        )
        return self._identity(name, {"token": token.strip()})

    def _identity(self, name: str, user: dict[str, Any]) -> Identity:
        config = {
            **self._config,
            "users": [{"name": name, "user": user}],
            "contexts": [
                {
                    "name": self.context,
                    "context": {"cluster": self._config["clusters"][0]["name"], "user": name},
                }
            ],
        }
        path = self.directory / f"{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))
        return Identity(name, self.server, path, path, user.get("token", ""))


def _read_config(kubeconfig: str, context: str) -> dict[str, Any]:
    command = [str(binaries.kubectl()), "config", "view", "--raw", "--minify", "--flatten"]
    command += ["-o", "json", *([f"--context={context}"] if context else [])]
    done = subprocess.run(
        command,
        env={**os.environ, "KUBECONFIG": str(Path(kubeconfig).expanduser())},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DemoError(
            f"No cluster can be read from KUBECONFIG={kubeconfig}"
            f"{f' CONTEXT={context}' if context else ''}: {done.stderr.strip()}"
        )
    config: dict[str, Any] = json.loads(done.stdout)
    return config


def _is_ours(name: str) -> bool:
    return bool(re.search(rf"\.bailiwick\.dev$|/bailiwick-|/{PREFIX}", name))
