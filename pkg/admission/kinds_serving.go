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
			)
		}
		return out
	case "serving.kserve.io/LLMInferenceService", "serving.kserve.io/LLMInferenceServiceConfig":
		return slices.Concat(
			models("spec.model.uri", "spec.model.lora.adapters[].uri"),
			pod("spec.template", "spec.worker", "spec.prefill.template", "spec.prefill.worker", "spec.router.scheduler.template"),
		)
	case "serving.kserve.io/ServingRuntime", "serving.kserve.io/ClusterServingRuntime":
		return pod("spec", "spec.workerSpec")
	case "serving.kserve.io/TrainedModel":
		return models("spec.model.storageUri")
	case "serving.kserve.io/ClusterStorageContainer":
		return images("spec.container.image")
	case "serving.kserve.io/LocalModelCache":
		return models("spec.sourceModelUri")
	}
	return nil
}

// vendorSites: serving stacks of single vendors and projects.
func vendorSites(key string) []site {
	switch key {
	case "kaito.sh/Workspace":
		return slices.Concat(kaitoInference("inference"),
			images("tuning.input.image", "tuning.output.image", "tuning.preset.presetOptions.image"),
			elsewhere("tuning.input.urls"))
	case "kaito.sh/InferenceSet":
		return kaitoInference("spec.template.inference")
	case "apps.nvidia.com/NIMService":
		return slices.Concat([]site{at("spec.image", KindImage, parts)}, nimStorage("spec"))
	case "apps.nvidia.com/NIMPipeline":
		return slices.Concat([]site{at("spec.services[].spec.image", KindImage, parts)}, nimStorage("spec.services[].spec"))
	case "apps.nvidia.com/NIMCache":
		return slices.Concat(images("spec.source.ngc.modelPuller", "spec.source.hf.modelPuller", "spec.source.dataStore.modelPuller"),
			elsewhere("spec.source.ngc", "spec.source.hf", "spec.source.dataStore"))
	case "mlops.seldon.io/Model":
		return models("spec.storageUri")
	case "model.aibrix.ai/ModelAdapter":
		return models("spec.artifactURL")
	}
	return nil
}

func kaitoInference(p string) []site {
	return slices.Concat(
		images(p+".preset.presetOptions.image", p+".adapters[].source.image"),
		elsewhere(p+".adapters[].source.urls"),
		pod(p+".template.spec"),
	)
}

// nimStorage: models that lie on a volume or host path are filled from
// elsewhere.
func nimStorage(p string) []site {
	return elsewhere(p+".storage.pvc", p+".storage.hostPath")
}
