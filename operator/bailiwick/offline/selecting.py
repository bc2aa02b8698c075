"""The labels by which a person would name a workload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

from bailiwick.policy.facts import Pod
from bailiwick.policy.reach.pods import Workload, workload_of

_PREFERRED: Final = (
    "app.kubernetes.io/name",
    "app",
    "k8s-app",
    "app.kubernetes.io/component",
    "component",
    "app.kubernetes.io/instance",
    "name",
    "role",
    "tier",
)
# Labels that controllers make, which are others after the next rollout.
_GENERATED: Final = (
    "apps.kubernetes.io/pod-index",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
)
_MOST_LABELS: Final = 3


def labels_of(workload: Workload, pods: Iterable[Pod]) -> Mapping[str, str]:
    """Return the fewest labels that the pods of a workload have and no others of its namespace.

    `pods` are all of the namespace. Where no labels tell it apart, all that its pods have in
    common are returned, which may be none.
    """
    own: list[Pod] = []
    others: list[Pod] = []
    for pod in pods:
        if pod.namespace == workload.namespace:
            (own if workload_of(pod) == workload else others).append(pod)
    common = _common(own)
    for chosen in _choices(list(common)):
        labels = {key: common[key] for key in chosen}
        if not any(labels.items() <= pod.labels.items() for pod in others):
            return labels
    return common


def _common(pods: Sequence[Pod]) -> dict[str, str]:
    """Return the labels that all of some pods have, those that people know first."""
    if not pods:
        return {}
    found = set(pods[0].labels.items()).intersection(*(pod.labels.items() for pod in pods[1:]))
    kept = [(k, v) for k, v in found if k not in _GENERATED and "batch.kubernetes.io/" not in k]
    return dict(sorted(kept, key=_rank))


def _rank(label: tuple[str, str]) -> tuple[int, str]:
    key = label[0]
    return (_PREFERRED.index(key) if key in _PREFERRED else len(_PREFERRED)), key


def _choices(keys: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for count in range(1, min(len(keys), _MOST_LABELS) + 1):
        yield from combinations(keys, count)
