package admission

import "slices"

// batchSites: training and multi-node workloads.
func batchSites(key string) []site {
	switch key {
	case "leaderworkerset.x-k8s.io/LeaderWorkerSet":
		return pod("spec.leaderWorkerTemplate.leaderTemplate.spec", "spec.leaderWorkerTemplate.workerTemplate.spec")
	case "jobset.x-k8s.io/JobSet":
		return pod("spec.replicatedJobs[].template.spec.template.spec")
	case "ray.io/RayCluster":
		return ray("spec")
	case "ray.io/RayService":
		return slices.Concat(ray("spec.rayClusterConfig"), ray("spec.rayClusterSpec"))
	case "ray.io/RayJob":
		return slices.Concat(ray("spec.rayClusterSpec"), pod("spec.submitterPodTemplate.spec"))
	case "ray.io/RayCronJob":
		return slices.Concat(ray("spec.jobTemplate.rayClusterSpec"), pod("spec.jobTemplate.submitterPodTemplate.spec"))
	case "kubeflow.org/PyTorchJob", "kubeflow.org/TFJob", "kubeflow.org/XGBoostJob", "kubeflow.org/MPIJob",
		"kubeflow.org/PaddleJob", "kubeflow.org/JAXJob":
		return pod("spec.*.*.template.spec") // spec.pytorchReplicaSpecs.Master
	case "kubeflow.org/Notebook":
		return pod("spec.template.spec")
	case "trainer.kubeflow.org/TrainJob":
		return slices.Concat(images("spec.trainer.image"),
			models("spec.initializer.model.storageUri", "spec.initializer.dataset.storageUri"),
			pod("spec.podTemplateOverrides[].spec"))
	case "trainer.kubeflow.org/TrainingRuntime", "trainer.kubeflow.org/ClusterTrainingRuntime":
		return pod("spec.template.spec.replicatedJobs[].template.spec.template.spec")
	case "batch.volcano.sh/Job":
		return pod("spec.tasks[].template.spec")
	case "kueue.x-k8s.io/Workload":
		return pod("spec.podSets[].template.spec")
	case "sparkoperator.k8s.io/SparkApplication":
		return images("spec.image", "spec.driver.image", "spec.executor.image")
	}
	return nil
}

func ray(p string) []site {
	return pod(p+".headGroupSpec.template.spec", p+".workerGroupSpecs[].template.spec")
}

// pipelineSites: workflow engines.
func pipelineSites(key string) []site {
	switch key {
	case "argoproj.io/Workflow", "argoproj.io/WorkflowTemplate", "argoproj.io/ClusterWorkflowTemplate":
		return argo("spec")
	case "argoproj.io/CronWorkflow":
		return argo("spec.workflowSpec")
	case "tekton.dev/Task", "tekton.dev/ClusterTask", "tekton.dev/StepAction":
		return slices.Concat(images("spec.image"), tekton("spec"))
	case "tekton.dev/TaskRun":
		return slices.Concat(tekton("spec.taskSpec"), pod("spec.podTemplate"))
	case "tekton.dev/Pipeline":
		return slices.Concat(tekton("spec.tasks[].taskSpec"), tekton("spec.finally[].taskSpec"))
	case "tekton.dev/PipelineRun":
		return slices.Concat(tekton("spec.pipelineSpec.tasks[].taskSpec"), tekton("spec.pipelineSpec.finally[].taskSpec"),
			pod("spec.taskRunTemplate.podTemplate", "spec.taskRunSpecs[].podTemplate"))
	}
	return nil
}

// argo: a template is a container, a script or a set of containers; a patch in
// it can put any image in their place.
func argo(p string) []site {
	var out []site
	for _, t := range []string{p + ".templates[]", p + ".templateDefaults"} {
		out = slices.Concat(out,
			images(t+".container.image", t+".script.image", t+".sidecars[].image", t+".containerSet.containers[].image"),
			pod(t),
			elsewhere(t+".podSpecPatch"),
		)
	}
	return slices.Concat(out, pod(p), elsewhere(p+".podSpecPatch"))
}

func tekton(p string) []site {
	return slices.Concat(images(p+".steps[].image", p+".sidecars[].image", p+".stepTemplate.image"), pod(p))
}
