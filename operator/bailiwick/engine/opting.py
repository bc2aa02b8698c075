"""Opting in and out: the intent that the operator writes for a namespace with the label alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bailiwick.api.meta import FIELD_MANAGER, INTENT_NAME, PROFILE_LABEL
from bailiwick.engine.objects import DeclaredObject
from bailiwick.kube.resources import SECURITY_INTENTS

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.kube.client import Client
    from bailiwick.policy.facts import Namespace


def is_opted_in(namespace: Namespace) -> bool:
    """Say whether the namespace's label asks for an intent."""
    return PROFILE_LABEL in namespace.labels


def is_written_by_operator(intent: DeclaredObject) -> bool:
    """Say whether nobody but the operator ever wrote the intent's spec or metadata.

    Any other field manager means that a team took it over.
    """
    return intent.managers == frozenset({FIELD_MANAGER})


async def write_intent(
    client: Client, intents: DeclaredStore, namespace: Namespace
) -> DeclaredObject:
    """Make the intent of a labelled namespace, with an empty spec, and return it.

    An empty spec leaves nothing for a team that takes it over to fight about.
    """
    body = await client.create(
        SECURITY_INTENTS,
        {
            "apiVersion": SECURITY_INTENTS.api_version,
            "kind": SECURITY_INTENTS.kind,
            "metadata": {"name": INTENT_NAME, "namespace": namespace.name},
            "spec": {},
        },
        namespace.name,
    )
    intent = DeclaredObject.from_json(SECURITY_INTENTS.kind, body)
    intents.learn(intent)
    return intent


async def remove_intent(client: Client, intents: DeclaredStore, intent: DeclaredObject) -> None:
    """Delete an intent that only the operator wrote, unless it changed meanwhile."""
    await client.delete(
        SECURITY_INTENTS,
        intent.name,
        intent.namespace,
        uid=intent.uid,
        resource_version=str(intent.resource_version) if intent.resource_version else None,
    )
    intents.forget(intent)
