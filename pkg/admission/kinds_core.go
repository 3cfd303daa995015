package admission

// coreSites: Kubernetes' own kinds, and those that wrap a Pod's template as they do.
func coreSites(key string) []site {
	switch key {
	case "/Pod":
		return pod("spec")
	case "/PersistentVolume":
		return []site{attribute("spec.csi.volumeAttributes", modelpackCSI)}
	case "/PodTemplate":
		return pod("template.spec")
	case "/ReplicationController", "apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "apps/ReplicaSet", "batch/Job",
		"apps.openshift.io/DeploymentConfig", "apps.kruise.io/CloneSet", "apps.kruise.io/StatefulSet", "apps.kruise.io/DaemonSet",
		"argoproj.io/Rollout":
		return pod("spec.template.spec")
	case "batch/CronJob":
		return pod("spec.jobTemplate.spec.template.spec")
	case "serving.knative.dev/Service", "serving.knative.dev/Configuration":
		return pod("spec.template.spec")
	case "keda.sh/ScaledJob":
		return pod("spec.jobTargetRef.template.spec")
	case "agents.x-k8s.io/Sandbox":
		return pod("spec.podTemplate.spec")
	case "serving.knative.dev/Revision":
		return pod("spec")
	}
	return nil
}
