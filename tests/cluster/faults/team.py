"""A namespace whose team changes its mind, and what it ever said."""

from __future__ import annotations

from tests.cluster.engine.tenant import Tenant
from tests.cluster.faults.edges import Declared, Rule, foreign_policy
from tests.cluster.faults.witness import NOTHING, Judge, Revision, Witness, generation_done


class Team:
    """`others` are policies that are there all the time, made by somebody else."""

    def __init__(self, tenant: Tenant, others: tuple[Rule, ...] = ()) -> None:
        self.tenant = tenant
        self.others = others
        self.declared: dict[Revision, Declared] = {}
        self.intent = NOTHING
        for other in others:
            tenant.api.create(tenant.policy_path, foreign_policy(other))

    def declare(self, intent: Declared) -> None:
        self.intent = intent
        metadata = self.tenant.declare(intent.to_json())["metadata"]
        self.declared[metadata["uid"], metadata["generation"]] = intent

    def is_content(self) -> bool:
        """Whether what was declared last is in force."""
        intent = self.tenant.intent()
        return bool(generation_done(intent) == intent["metadata"]["generation"])

    def judge(self, witness: Witness) -> Judge:
        judge = Judge(self.declared, self.others)
        return judge.hear(witness.history(self.tenant.name))
