"""The kinds of the API that this operator speaks of, and where they are served."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind as the API serves it; an empty `group` is the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """The name that RBAC and messages use: `pods`, `leases.coordination.k8s.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Return the path of one object, or of the collection where no name is given.

        No namespace stands for all namespaces of a collection. Raises ValueError for one
        object of a namespaced kind without a namespace, which would address something else.
        """
        if self.namespaced and name is not None and not namespace:
            raise ValueError(f"{self.name} {name!r} needs a namespace")
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{within}/{self.plural}" + (f"/{name}" if name is not None else "")


PODS = Resource("", "v1", "pods", "Pod")
SERVICES = Resource("", "v1", "services", "Service")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
NETWORK_POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
CILIUM_NETWORK_POLICIES = Resource(
    "cilium.io", "v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy"
)
CILIUM_CLUSTERWIDE_NETWORK_POLICIES = Resource(
    "cilium.io",
    "v2",
    "ciliumclusterwidenetworkpolicies",
    "CiliumClusterwideNetworkPolicy",
    namespaced=False,
)
_POLICY_GROUP = "policy.networking.k8s.io"
CLUSTER_NETWORK_POLICIES = Resource(
    _POLICY_GROUP, "v1alpha2", "clusternetworkpolicies", "ClusterNetworkPolicy", namespaced=False
)
ADMIN_NETWORK_POLICIES = Resource(
    _POLICY_GROUP, "v1alpha1", "adminnetworkpolicies", "AdminNetworkPolicy", namespaced=False
)
BASELINE_ADMIN_NETWORK_POLICIES = Resource(
    _POLICY_GROUP,
    "v1alpha1",
    "baselineadminnetworkpolicies",
    "BaselineAdminNetworkPolicy",
    namespaced=False,
)
SERVICE_CIDRS = Resource("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", False)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
CUSTOM_RESOURCE_DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False
)
SELF_SUBJECT_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False
)

_TRIVY = ("aquasecurity.github.io", "v1alpha1")
TRIVY_VULNERABILITY_REPORTS = Resource(*_TRIVY, "vulnerabilityreports", "VulnerabilityReport")
TRIVY_SBOM_REPORTS = Resource(*_TRIVY, "sbomreports", "SbomReport")
TRIVY_CLUSTER_VULNERABILITY_REPORTS = Resource(
    *_TRIVY, "clustervulnerabilityreports", "ClusterVulnerabilityReport", False
)

_OURS = ("bailiwick.dev", "v1alpha1")
SECURITY_PROFILES = Resource(*_OURS, "securityprofiles", "SecurityProfile", False)
SECURITY_INTENTS = Resource(*_OURS, "securityintents", "SecurityIntent")
IMAGE_SCANS = Resource(*_OURS, "imagescans", "ImageScan", False)
NETWORK_REACHES = Resource(*_OURS, "networkreaches", "NetworkReach")
RESCAN_REQUESTS = Resource(*_OURS, "rescanrequests", "RescanRequest")
VULNERABILITY_EXCEPTIONS = Resource(*_OURS, "vulnerabilityexceptions", "VulnerabilityException")
CLUSTER_VULNERABILITY_EXCEPTIONS = Resource(
    *_OURS, "clustervulnerabilityexceptions", "ClusterVulnerabilityException", False
)
