"""The catalogue of controls, in the order in which every status and report has them.

The references are to NIST SP 800-53 and 800-190, the CIS benchmarks for Kubernetes and EKS, the
NSA and CISA hardening guide, and PCI DSS 4. A control without any is asked for by none of them
in words that we could verify.
"""

from __future__ import annotations

from bailiwick.policy.controls import freshness, hygiene, images, intent, network
from bailiwick.policy.controls.control import Control, Stage, Subject
from bailiwick.policy.images.freshness import BASE_CURRENT, IMAGE_CURRENT, IMAGE_NEWEST

_PODS = ("pods",)
_NETWORK = ("networkpolicies",)
_PEERS = ("pods", "services", "endpointslices")

_BUILD = (
    Control(
        id="image-registries",
        stage=Stage.BUILD,
        subject=Subject.IMAGES,
        title="Images come from listed registries",
        checks="The registry of every running image is one that the profile lists.",
        remediation="Push the image to a listed registry and run it from there, or ask the "
        "platform team to list this one in images.registries.",
        check=hygiene.registries,
        needs=_PODS,
        refs=(
            "NIST-800-190:4.1.5",
            "NIST-800-53:CM-7(5)",
            "NIST-800-53:CM-11",
            "NIST-800-53:CM-5(3)",
            "CIS-EKS:5.1.4",
            "NSA-CISA:trusted-repositories",
        ),
    ),
    Control(
        id="image-pinned",
        stage=Stage.BUILD,
        subject=Subject.IMAGES,
        title="Images are pinned",
        checks="Workloads name their images by digest, or by a tag other than latest, as the "
        "profile asks.",
        remediation="Name the image by digest in the workload: repository@sha256:…",
        check=hygiene.pinned,
        needs=_PODS,
        refs=("NIST-800-190:4.2.2", "NIST-800-190:4.1.5", "NIST-800-53:SI-7"),
    ),
    Control(
        id="image-minimal",
        stage=Stage.BUILD,
        subject=Subject.IMAGES,
        title="Images are minimal",
        checks="Images hold no shells, package managers, debug or build tools, each as far as "
        "the profile asks.",
        remediation="Build the image in several stages, and copy only what runs into a last one "
        "without a distribution's tools.",
        check=hygiene.minimal,
        needs=_PODS,
        refs=(
            "NIST-800-190:4.1.2",
            "NIST-800-53:CM-11",
            "NIST-800-53:CM-7",
            "PCI-DSS-4:2.2.4",
        ),
    ),
    Control(
        id="image-non-root",
        stage=Stage.BUILD,
        subject=Subject.IMAGES,
        title="Containers do not run as root",
        checks="Every container runs as a user other than root: by the securityContext of the pod "
        "or container, or else by the image's configuration.",
        remediation="Set USER to a number other than 0 in the image's build, or runAsUser in the "
        "pod's securityContext.",
        check=hygiene.non_root,
        needs=_PODS,
        refs=(
            "NIST-800-190:4.1.2",
            "NIST-800-53:CM-6",
            "CIS-K8S:5.2.7",
            "NSA-CISA:non-root-containers",
            "PCI-DSS-4:2.2.1",
        ),
    ),
    Control(
        id="image-age",
        stage=Stage.BUILD,
        subject=Subject.IMAGES,
        title="Images are not too old",
        checks="No image was built longer ago than images.maxAge.",
        remediation="Build the image again from a current base, and roll it out.",
        check=hygiene.age,
        needs=_PODS,
        refs=("NIST-800-190:4.2.2",),
    ),
    Control(
        id="image-os-supported",
        stage=Stage.BUILD,
        subject=Subject.IMAGES,
        title="Distributions still get updates",
        checks="The distribution of every image still gets security updates.",
        remediation="Build the image on a release of the distribution that is still supported.",
        check=hygiene.supported_os,
        needs=_PODS,
        refs=("NIST-800-190:4.1.1", "NIST-800-53:SI-2"),
        default="Off",
    ),
    Control(
        id="image-no-setuid",
        stage=Stage.BUILD,
        subject=Subject.IMAGES,
        title="Images hold no setuid files",
        checks="No program of an image runs as its owner or group, whoever starts it.",
        remediation="Remove the bits in the image's build, with chmod a-s, or the programs.",
        check=hygiene.setuid,
        needs=_PODS,
        refs=("NIST-800-190:4.1.2", "NIST-800-53:CM-7"),
        default="Off",
    ),
    Control(
        id="image-multi-stage",
        stage=Stage.BUILD,
        subject=Subject.IMAGES,
        title="Images are built in several stages",
        checks="No image holds a compiler, which one that was built in several stages would not.",
        remediation="Build the image in several stages, and copy only what runs into the last one.",
        check=hygiene.multi_stage,
        needs=_PODS,
        refs=("NIST-800-190:4.1.2", "NIST-800-53:CM-7"),
        default="Off",
    ),
    Control(
        id=BASE_CURRENT,
        stage=Stage.BUILD,
        subject=Subject.IMAGES,
        title="Images are built on a current base",
        checks="What each image says it was built on is what that name leads to now.",
        remediation="Build the image again, so that it takes up what its base is now, and roll it "
        "out. Have the build annotate images with org.opencontainers.image.base.name and .digest.",
        check=freshness.base_current,
        needs=_PODS,
        refs=("NIST-800-190:4.1.1",),
        default="Off",
    ),
    Control(
        id=IMAGE_NEWEST,
        stage=Stage.BUILD,
        subject=Subject.IMAGES,
        title="Images are of the newest version",
        checks="No repository has a newer version, of the same form, than the tag that runs.",
        remediation="Look at what the newer version mends, and move to it.",
        check=freshness.newest,
        needs=_PODS,
        refs=("NIST-800-190:4.2.2",),
        default="Off",
    ),
)

_DEPLOY = (
    Control(
        id="intent-within-profile",
        stage=Stage.DEPLOY,
        subject=Subject.INTENT,
        title="The intent keeps within its profile",
        checks="The intent asks for nothing that its profile does not allow.",
        remediation="Change or remove the fields that are named, or ask the platform team for "
        "another profile.",
        check=intent.within_profile,
    ),
    Control(
        id="network-isolated-ingress",
        stage=Stage.DEPLOY,
        subject=Subject.NETWORK,
        title="Traffic to pods is denied by default",
        checks="A policy that isolates every pod is live in the cluster, and something is known "
        "to enforce it.",
        remediation="Set spec.enforcement to Enforce once the status shows nothing that would "
        "break, and let the platform team name what enforces NetworkPolicy.",
        check=network.isolated_ingress,
        needs=_NETWORK,
        refs=(
            "NIST-800-53:SC-7",
            "NIST-800-53:SC-7(5)",
            "NIST-800-53:AC-4",
            "NIST-800-190:4.3.3",
            "NIST-800-190:4.4.2",
            "CIS-K8S:5.3.2",
            "CIS-EKS:4.3.2",
            "NSA-CISA:network-policies",
            "PCI-DSS-4:1.2.6",
            "PCI-DSS-4:1.3.1",
            "PCI-DSS-4:1.4.1",
        ),
    ),
    Control(
        id="network-isolated-egress",
        stage=Stage.DEPLOY,
        subject=Subject.NETWORK,
        title="Traffic from pods is denied by default",
        checks="A policy that isolates every pod is live in the cluster, and something is known "
        "to enforce it.",
        remediation="Set spec.enforcement to Enforce once the status shows nothing that would "
        "break, and let the platform team name what enforces NetworkPolicy.",
        check=network.isolated_egress,
        needs=_NETWORK,
        refs=(
            "NIST-800-53:SC-7",
            "NIST-800-53:SC-7(5)",
            "NIST-800-53:AC-4",
            "NIST-800-190:4.3.3",
            "NIST-800-190:4.4.2",
            "CIS-K8S:5.3.2",
            "CIS-EKS:4.3.2",
            "NSA-CISA:network-policies",
            "PCI-DSS-4:1.2.6",
            "PCI-DSS-4:1.3.2",
        ),
    ),
    Control(
        id="network-rules-enforceable",
        stage=Stage.DEPLOY,
        subject=Subject.NETWORK,
        title="Declared rules are in force as written",
        checks="Every rule of the intent was turned into policies that open just what it says.",
        remediation="Follow what is said of each rule under status.network.findings.",
        check=network.rules_enforceable,
        needs=_PEERS,
        refs=("NIST-800-190:4.4.2", "NIST-800-53:SC-7(5)", "PCI-DSS-4:1.2.6"),
    ),
    Control(
        id="network-allowances-resolved",
        stage=Stage.DEPLOY,
        subject=Subject.NETWORK,
        title="The profile's allowances are open",
        checks="Everything that the profile opens in each namespace, DNS for one, could be found "
        "in this cluster.",
        remediation="Ask the platform team: an allowance of the profile, its template, or a "
        "setting of the operator does not fit this cluster.",
        check=network.allowances_resolved,
        needs=_PEERS,
        refs=("NIST-800-190:4.4.2", "NIST-800-53:SC-7(5)", "PCI-DSS-4:1.3.2"),
    ),
    Control(
        id="network-rules-reviewed",
        stage=Stage.DEPLOY,
        subject=Subject.NETWORK,
        title="Rules are reviewed in time",
        checks="No rule is past its reviewBy; a warning comes before.",
        remediation="Look at the rule again: set a later reviewBy if it is still needed, or "
        "remove it.",
        check=network.rules_reviewed,
        refs=("PCI-DSS-4:1.2.7",),
    ),
    Control(
        id="network-effective",
        stage=Stage.DEPLOY,
        subject=Subject.NETWORK,
        title="What is possible is what is declared",
        checks="Given every policy in the cluster, pods can reach and be reached as declared, and "
        "in no other way.",
        remediation="See status.network.findings: each names the policy or rule that causes it, "
        "and who can mend it.",
        check=network.effective,
        needs=("networkpolicies", "pods"),
        refs=("NIST-800-53:SC-7", "NIST-800-53:SC-7(5)", "NIST-800-190:4.3.3"),
    ),
    Control(
        id="images-scanned",
        stage=Stage.DEPLOY,
        subject=Subject.IMAGES,
        title="Images are scanned",
        checks="A scan of every running image is at hand, with all its findings.",
        remediation="Wait while scans run. Where one failed, follow what is said of it under "
        "status.images.problems.",
        check=images.scanned,
        needs=_PODS,
        refs=("NIST-800-190:4.1.1", "NIST-800-53:RA-5", "CIS-EKS:5.1.1", "PCI-DSS-4:11.3.1"),
    ),
    Control(
        id="images-vulnerabilities",
        stage=Stage.DEPLOY,
        subject=Subject.IMAGES,
        title="Vulnerabilities are mended in time",
        checks="No vulnerability of a running image is past the deadline of remediateWithin.",
        remediation="Update the packages that are named under status.images.worst, build the "
        "image again, and roll it out.",
        check=images.vulnerabilities,
        needs=_PODS,
        refs=(
            "NIST-800-190:4.1.1",
            "NIST-800-53:RA-5",
            "NIST-800-53:SI-2",
            "NIST-800-53:SI-2(2)",
            "NIST-800-53:SI-2(3)",
            "PCI-DSS-4:6.3.1",
            "PCI-DSS-4:6.3.3",
        ),
    ),
)

_RUNTIME = (
    Control(
        id=IMAGE_CURRENT,
        stage=Stage.RUNTIME,
        subject=Subject.IMAGES,
        title="What runs is what its tag leads to",
        checks="Each image that is named by a tag runs by the digest that the tag leads to now.",
        remediation="Roll the workload out again, or name by digest what is meant to stay.",
        check=freshness.current,
        needs=_PODS,
        refs=("NIST-800-190:4.2.2",),
        default="Off",
    ),
    Control(
        id="images-known",
        stage=Stage.RUNTIME,
        subject=Subject.IMAGES,
        title="What runs is identified",
        checks="The digest of every image that runs is known: of main, init, sidecar and "
        "ephemeral containers and of image volumes.",
        remediation="Name the image by digest, and let nodes pull it from a registry.",
        check=images.known,
        needs=_PODS,
    ),
    Control(
        id="images-fresh",
        stage=Stage.RUNTIME,
        subject=Subject.IMAGES,
        title="Scans are fresh",
        checks="No scan is older than images.scan.maxAge, or than the last rescan asked for.",
        remediation="Scans are renewed by themselves. If they are not, see status.images.problems "
        "and whether the scanner runs.",
        check=images.fresh,
        needs=_PODS,
        refs=(
            "NIST-800-190:4.1.1",
            "NIST-800-53:RA-5",
            "NSA-CISA:periodic-scans",
            "CIS-EKS:5.1.1",
            "PCI-DSS-4:11.3.1",
        ),
    ),
)

CATALOGUE: tuple[Control, ...] = (*_BUILD, *_DEPLOY, *_RUNTIME)
CONTROL_IDS = frozenset(control.id for control in CATALOGUE)
