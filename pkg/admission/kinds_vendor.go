package admission

import "slices"

// vendorSites: serving stacks of single vendors and projects.
func vendorSites(key string) []site {
	switch key {
	case "kaito.sh/Workspace":
		return slices.Concat(kaitoInference("inference"), kaitoPreset("tuning.preset"), kaitoData("tuning.input"), images("tuning.output.image"))
	case "kaito.sh/InferenceSet":
		return kaitoInference("spec.template.inference")
	case "kaito.sh/MultiRoleInference":
		return elsewhere("spec.model.name")
	case "kaito.sh/ModelMirror":
		return elsewhere("spec.source")
	case "kaito.sh/RAGEngine":
		return slices.Concat(images("spec.embedding.local.image"), elsewhere("spec.embedding.local.modelID"))
	case "apps.nvidia.com/NIMService":
		return slices.Concat([]site{at("spec.image", KindImage, parts)}, nimStorage("spec"))
	case "apps.nvidia.com/NIMPipeline":
		return slices.Concat([]site{at("spec.services[].spec.image", KindImage, parts)}, nimStorage("spec.services[].spec"))
	case "apps.nvidia.com/NIMCache":
		return slices.Concat(images("spec.source.ngc.modelPuller", "spec.source.hf.modelPuller", "spec.source.dataStore.modelPuller"),
			elsewhere("spec.source.ngc", "spec.source.hf", "spec.source.dataStore"))
	case "nvidia.com/DynamoGraphDeployment":
		return slices.Concat(pod("spec.services.*.extraPodSpec"), images("spec.services.*.extraPodSpec.mainContainer.image"))
	case "mlops.seldon.io/Model":
		return models("spec.storageUri")
	case "mlops.seldon.io/Server", "mlops.seldon.io/ServerConfig":
		return pod("spec.podSpec")
	case "machinelearning.seldon.io/SeldonDeployment":
		return seldon("spec.predictors[]")
	case "model.aibrix.ai/ModelAdapter":
		return models("spec.artifactURL")
	case "orchestration.aibrix.ai/RayClusterFleet", "orchestration.aibrix.ai/RayClusterReplicaSet":
		return ray("spec.template.spec")
	case "orchestration.aibrix.ai/StormService":
		return pod("spec.template.spec.roles[].template.spec")
	case "kubeai.org/Model":
		return slices.Concat(models("spec.url", "spec.adapters[].url"), images("spec.image"))
	case "llmaz.io/OpenModel":
		return slices.Concat(models("spec.source.uri"), elsewhere("spec.source.modelHub"))
	}
	return nil
}

// kaitoInference: kaito-project/kaito, api/v1beta1, InferenceSpec.
func kaitoInference(p string) []site {
	return slices.Concat(kaitoPreset(p+".preset"), kaitoData(p+".adapters[].source"), pod(p+".template.spec"))
}

// kaitoPreset: a preset brings its weights from a hub or a volume, unless it
// names an image.
func kaitoPreset(p string) []site {
	preset := at(p+".name", KindModel, foreign)
	preset.unless = []string{"presetOptions", "image"}
	return slices.Concat([]site{at(p+".presetOptions.image", KindImage, plain), preset}, elsewhere(p+".presetOptions.modelWeightsPVC"))
}

// kaitoData: adapters and data sets, which are images of data alone.
func kaitoData(p string) []site {
	return []site{
		at(p+".image", KindModel, plain),
		at(p+".urls", KindModel, foreign),
		at(p+".volumeSource.image.reference", KindModel, plain),
	}
}

// nimStorage: models that lie on a volume or host path are filled from
// elsewhere.
func nimStorage(p string) []site {
	return elsewhere(p+".storage.pvc", p+".storage.hostPath")
}

// seldon: a graph of models, each with children of its own.
func seldon(p string) []site {
	out := slices.Concat(pod(p+".componentSpecs[].spec"), models(p+".explainer.modelUri"))
	for graph, depth := p+".graph", 0; depth < 5; graph, depth = graph+".children[]", depth+1 {
		out = append(out, models(graph+".modelUri")...)
	}
	return out
}
