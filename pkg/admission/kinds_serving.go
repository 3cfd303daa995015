package admission

import "slices"

// kserveSites: API types of kserve/kserve, pkg/apis/serving.
func kserveSites(key string) []site {
	switch key {
	case "serving.kserve.io/InferenceService":
		var out []site
		for _, part := range []string{"spec.predictor", "spec.transformer", "spec.explainer"} {
			out = slices.Concat(out,
				pod(part, part+".workerSpec"),
				// model, and the older member per framework: a container each
				images(part+".*.image"),
				models(part+".*.storageUri", part+".*.storageUris[].uri", part+".storageUris[].uri"),
				elsewhere(part+".*.storage"),
				// what the storage initialiser fetches for a container of one's own
				models(part+".containers[].env[name=STORAGE_URI].value"),
			)
		}
		return out
	case "serving.kserve.io/LLMInferenceService", "serving.kserve.io/LLMInferenceServiceConfig":
		return slices.Concat(
			models("spec.model.uri", "spec.model.lora.adapters[].uri", "spec.model.lora.adapters[].lora.adapters[].uri"),
			pod("spec.template", "spec.worker", "spec.prefill.template", "spec.prefill.worker", "spec.router.scheduler.template"),
		)
	case "serving.kserve.io/ServingRuntime", "serving.kserve.io/ClusterServingRuntime":
		return pod("spec", "spec.workerSpec")
	case "serving.kserve.io/TrainedModel":
		return models("spec.model.storageUri")
	case "serving.kserve.io/ClusterStorageContainer":
		return images("spec.container.image")
	case "serving.kserve.io/LocalModelCache", "serving.kserve.io/LocalModelNamespaceCache":
		return models("spec.sourceModelUri")
	case "serving.kserve.io/LocalModelNode":
		return models("spec.localModels[].sourceModelUri")
	}
	return nil
}
