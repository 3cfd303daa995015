package admission

import (
	"slices"
	"strings"
)

// groupKind is the table's key: "group/Kind", without the version. Fields
// where references stand have kept their places over the versions in use.
func groupKind(version, kind string) string {
	group, _, ok := strings.Cut(version, "/")
	if !ok {
		group = "" // the core group: "v1"
	}
	return group + "/" + kind
}

// at reads a site from its dotted form: "spec.containers[].image".
func at(path string, kind Kind, form form) site {
	return site{path: strings.Split(strings.ReplaceAll(path, "[]", ".[]"), "."), kind: kind, form: form}
}

// pod lists the sites of the pod specifications below the given places.
func pod(places ...string) []site {
	var out []site
	for _, p := range places {
		out = append(out,
			at(p+".containers[].image", KindImage, plain),
			at(p+".initContainers[].image", KindImage, plain),
			at(p+".ephemeralContainers[].image", KindImage, plain),
			at(p+".volumes[].image.reference", KindModel, plain), // KEP-4639
		)
	}
	return out
}

func images(paths ...string) []site {
	var out []site
	for _, p := range paths {
		out = append(out, at(p, KindImage, plain))
	}
	return out
}

func models(paths ...string) []site {
	var out []site
	for _, p := range paths {
		out = append(out, at(p, KindModel, uri))
	}
	return out
}

func elsewhere(paths ...string) []site {
	var out []site
	for _, p := range paths {
		out = append(out, at(p, KindModel, foreign))
	}
	return out
}

// sitesOf returns where references stand in a kind, and whether it is known.
func sitesOf(key string) ([]site, bool) {
	for _, look := range []func(string) []site{coreSites, kserveSites, batchSites, pipelineSites, vendorSites} {
		if s := look(key); s != nil {
			return s, true
		}
	}
	return nil, slices.Contains(without, key)
}

// without lists the kinds that are known to name no image and no model.
var without = []string{
	"/ConfigMap", "/Endpoints", "/Event", "/LimitRange", "/Namespace", "/Node", "/PersistentVolume",
	"/PersistentVolumeClaim", "/ResourceQuota", "/Secret", "/Service", "/ServiceAccount",
	"admissionregistration.k8s.io/MutatingWebhookConfiguration",
	"admissionregistration.k8s.io/ValidatingAdmissionPolicy",
	"admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
	"admissionregistration.k8s.io/ValidatingWebhookConfiguration",
	"apiextensions.k8s.io/CustomResourceDefinition",
	"autoscaling/HorizontalPodAutoscaler", "autoscaling/Scale",
	"cert-manager.io/Certificate", "cert-manager.io/ClusterIssuer", "cert-manager.io/Issuer",
	"/Binding", "/NodeProxyOptions", "/PodAttachOptions", "/PodExecOptions", "/PodPortForwardOptions", "/PodProxyOptions", "/ServiceProxyOptions",
	"authentication.k8s.io/TokenRequest", "policy/Eviction",
	"coordination.k8s.io/Lease", "discovery.k8s.io/EndpointSlice",
	"gateway.networking.k8s.io/Gateway", "gateway.networking.k8s.io/HTTPRoute",
	"monitoring.coreos.com/PodMonitor", "monitoring.coreos.com/PrometheusRule", "monitoring.coreos.com/ServiceMonitor",
	"networking.k8s.io/Ingress", "networking.k8s.io/IngressClass", "networking.k8s.io/NetworkPolicy",
	"policy/PodDisruptionBudget",
	"rbac.authorization.k8s.io/ClusterRole", "rbac.authorization.k8s.io/ClusterRoleBinding",
	"rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/RoleBinding",
	"scheduling.k8s.io/PriorityClass", "storage.k8s.io/StorageClass",
}

func coreSites(key string) []site {
	switch key {
	case "/Pod":
		return pod("spec")
	case "/PodTemplate":
		return pod("template.spec")
	case "/ReplicationController", "apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "apps/ReplicaSet", "batch/Job":
		return pod("spec.template.spec")
	case "batch/CronJob":
		return pod("spec.jobTemplate.spec.template.spec")
	case "serving.knative.dev/Service", "serving.knative.dev/Configuration":
		return pod("spec.template.spec")
	case "serving.knative.dev/Revision":
		return pod("spec")
	}
	return nil
}
