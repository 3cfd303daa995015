package admission

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcheck/modelcheck/pkg/artifact"
)

// object wraps members into an object of the given type.
func object(version, kind, members string) string {
	return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":"x"},%s}`, version, kind, members)
}

const aPod = `{"initContainers":[{"image":"r.io/i:1"}],"containers":[{"name":"a","image":"r.io/c:1"},{"name":"b"}],` +
	`"ephemeralContainers":[{"image":"r.io/e:1"}],"volumes":[{"name":"v","emptyDir":{}},{"name":"m","image":{"reference":"r.io/m:1","pullPolicy":"Always"}}]}`

func TestReferences(t *testing.T) {
	inPod := func(p string) []string {
		return []string{p + "/containers/0/image=r.io/c:1", p + "/initContainers/0/image=r.io/i:1", p + "/ephemeralContainers/0/image=r.io/e:1", p + "/volumes/1/image/reference=r.io/m:1"}
	}
	template := `"spec":{"template":{"spec":` + aPod + `}}`
	tests := []struct {
		version, kind, members string
		want                   []string
	}{
		{"v1", "Pod", `"spec":` + aPod, inPod("/spec")},
		{"v1", "PodTemplate", `"template":{"spec":` + aPod + `}`, inPod("/template/spec")},
		{"v1", "ReplicationController", template, inPod("/spec/template/spec")},
		{"apps/v1", "Deployment", template, inPod("/spec/template/spec")},
		{"apps/v1", "StatefulSet", template, inPod("/spec/template/spec")},
		{"apps/v1", "DaemonSet", template, inPod("/spec/template/spec")},
		{"apps/v1", "ReplicaSet", template, inPod("/spec/template/spec")},
		{"batch/v1", "Job", template, inPod("/spec/template/spec")},
		{"batch/v1", "CronJob", `"spec":{"jobTemplate":{` + template + `}}`, inPod("/spec/jobTemplate/spec/template/spec")},
		{"serving.knative.dev/v1", "Service", template, inPod("/spec/template/spec")},
		{"serving.knative.dev/v1", "Revision", `"spec":` + aPod, inPod("/spec")},
		{"argoproj.io/v1alpha1", "Rollout", template, inPod("/spec/template/spec")},
		{"leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", `"spec":{"leaderWorkerTemplate":{"leaderTemplate":{"spec":` + aPod + `},"workerTemplate":{"spec":` + aPod + `}}}`,
			slices.Concat(inPod("/spec/leaderWorkerTemplate/leaderTemplate/spec"), inPod("/spec/leaderWorkerTemplate/workerTemplate/spec"))},
		{"jobset.x-k8s.io/v1alpha2", "JobSet", `"spec":{"replicatedJobs":[{"template":{` + template + `}}]}`, inPod("/spec/replicatedJobs/0/template/spec/template/spec")},
		{"ray.io/v1", "RayCluster", `"spec":{"headGroupSpec":{"template":{"spec":` + aPod + `}},"workerGroupSpecs":[{"template":{"spec":` + aPod + `}}]}`,
			slices.Concat(inPod("/spec/headGroupSpec/template/spec"), inPod("/spec/workerGroupSpecs/0/template/spec"))},
		{"ray.io/v1", "RayService", `"spec":{"rayClusterConfig":{"headGroupSpec":{"template":{"spec":` + aPod + `}}}}`, inPod("/spec/rayClusterConfig/headGroupSpec/template/spec")},
		{"ray.io/v1", "RayJob", `"spec":{"rayClusterSpec":{"headGroupSpec":{"template":{"spec":` + aPod + `}}},"submitterPodTemplate":{"spec":` + aPod + `}}`,
			slices.Concat(inPod("/spec/rayClusterSpec/headGroupSpec/template/spec"), inPod("/spec/submitterPodTemplate/spec"))},
		{"kubeflow.org/v1", "PyTorchJob", `"spec":{"runPolicy":{"x":1},"pytorchReplicaSpecs":{"Master":{"template":{"spec":` + aPod + `}}}}`, inPod("/spec/pytorchReplicaSpecs/Master/template/spec")},
		{"trainer.kubeflow.org/v1alpha1", "TrainJob", `"spec":{"trainer":{"image":"r.io/t:1"},"initializer":{"model":{"storageUri":"oci://r.io/m:1"}}}`,
			[]string{"/spec/trainer/image=r.io/t:1", "/spec/initializer/model/storageUri=r.io/m:1"}},
		{"serving.kserve.io/v1beta1", "InferenceService", `"spec":{"predictor":{"minReplicas":1,"model":{"storageUri":"oci://r.io/m:1","image":"r.io/c:1"},"containers":[{"image":"r.io/p:1"}]},"transformer":{"containers":[{"image":"r.io/t:1"}]}}`,
			[]string{"/spec/predictor/containers/0/image=r.io/p:1", "/spec/predictor/model/image=r.io/c:1", "/spec/predictor/model/storageUri=r.io/m:1", "/spec/transformer/containers/0/image=r.io/t:1"}},
		{"serving.kserve.io/v1beta1", "InferenceService", `"spec":{"predictor":{"sklearn":{"storageUri":"s3://bucket/m"},"huggingface":{"storageUri":"hf://org/m"},"triton":{"storageUri":"pvc://v/m"},"model":{"storage":{"key":"k","path":"p"}}}}`,
			[]string{"/spec/predictor/huggingface/storageUri!", "/spec/predictor/sklearn/storageUri!", "/spec/predictor/triton/storageUri!", "/spec/predictor/model/storage!"}},
		{"serving.kserve.io/v1alpha1", "LLMInferenceService", `"spec":{"model":{"uri":"oci://r.io/m:1","lora":{"adapters":[{"uri":"hf://a/b"}]}},"template":{"containers":[{"image":"r.io/c:1"}]}}`,
			[]string{"/spec/model/uri=r.io/m:1", "/spec/model/lora/adapters/0/uri!", "/spec/template/containers/0/image=r.io/c:1"}},
		{"serving.kserve.io/v1alpha1", "ClusterServingRuntime", `"spec":{"containers":[{"image":"r.io/{{.Name}}:1"}]}`, []string{"/spec/containers/0/image!"}},
		{"serving.kserve.io/v1alpha1", "TrainedModel", `"spec":{"model":{"storageUri":"/mnt/models"}}`, []string{"/spec/model/storageUri!"}},
		{"serving.kserve.io/v1alpha1", "ClusterStorageContainer", `"spec":{"container":{"image":"r.io/s:1"}}`, []string{"/spec/container/image=r.io/s:1"}},
		{"kaito.sh/v1beta1", "Workspace", `"inference":{"preset":{"presetOptions":{"image":"r.io/k:1"}},"adapters":[{"source":{"image":"r.io/a:1"}}]},"tuning":{"input":{"urls":["https://x"]}}`,
			[]string{"/inference/preset/presetOptions/image=r.io/k:1", "/inference/adapters/0/source/image=r.io/a:1", "/tuning/input/urls!"}},
		{"apps.nvidia.com/v1alpha1", "NIMService", `"spec":{"image":{"repository":"nvcr.io/nim/m","tag":"1.0"}}`, []string{"/spec/image=nvcr.io/nim/m:1.0"}},
		{"apps.nvidia.com/v1alpha1", "NIMCache", `"spec":{"source":{"ngc":{"modelPuller":"nvcr.io/nim/m:1"}}}`, []string{"/spec/source/ngc/modelPuller=nvcr.io/nim/m:1", "/spec/source/ngc!"}},
		{"mlops.seldon.io/v1alpha1", "Model", `"spec":{"storageUri":"gs://b/m"}`, []string{"/spec/storageUri!"}},
		{"model.aibrix.ai/v1alpha1", "ModelAdapter", `"spec":{"artifactURL":"huggingface://a/b"}`, []string{"/spec/artifactURL!"}},
		{"argoproj.io/v1alpha1", "Workflow", `"spec":{"templates":[{"container":{"image":"r.io/w:1"},"podSpecPatch":"{}"},{"script":{"image":"alpine"}}]}`,
			[]string{"/spec/templates/0/container/image=r.io/w:1", "/spec/templates/1/script/image!", "/spec/templates/0/podSpecPatch!"}},
		{"tekton.dev/v1", "TaskRun", `"spec":{"taskSpec":{"steps":[{"image":"r.io/t:1"}]}}`, []string{"/spec/taskSpec/steps/0/image=r.io/t:1"}},
		{"v1", "Pod", `"spec":{"volumes":[{"csi":{"driver":"model.csi.modelpack.org","volumeAttributes":{"model.csi.modelpack.org/reference":"r.io/m:1"}}}]}`,
			[]string{"/spec/volumes/0/csi/volumeAttributes/model.csi.modelpack.org~1reference=r.io/m:1"}},
		{"v1", "PersistentVolume", `"spec":{"csi":{"volumeAttributes":{"model.csi.modelpack.org/reference":"r.io/m:1"}}}`,
			[]string{"/spec/csi/volumeAttributes/model.csi.modelpack.org~1reference=r.io/m:1"}},
		{"serving.kserve.io/v1beta1", "InferenceService", `"spec":{"predictor":{"containers":[{"image":"r.io/c:1","env":[{"name":"X","value":"s3://b/x"},{"name":"STORAGE_URI","value":"oci://r.io/m:1"}]}],"model":{"storageUris":[{"uri":"oci://r.io/a:1"},{"uri":"hf://a/b"}]}}}`,
			[]string{"/spec/predictor/containers/0/image=r.io/c:1", "/spec/predictor/model/storageUris/0/uri=r.io/a:1", "/spec/predictor/model/storageUris/1/uri!", "/spec/predictor/containers/0/env/1/value=r.io/m:1"}},
		{"serving.kserve.io/v1alpha1", "ServingRuntime", `"spec":{"containers":[{"image":"r.io/s:1"}],"workerSpec":{"containers":[{"image":"r.io/w:1"}]}}`,
			[]string{"/spec/containers/0/image=r.io/s:1", "/spec/workerSpec/containers/0/image=r.io/w:1"}},
		{"serving.kserve.io/v1alpha1", "LocalModelCache", `"spec":{"sourceModelUri":"oci://r.io/m:1"}`, []string{"/spec/sourceModelUri=r.io/m:1"}},
		{"kaito.sh/v1beta1", "Workspace", `"inference":{"preset":{"name":"phi-4"},"adapters":[{"source":{"volumeSource":{"image":{"reference":"r.io/a:1"}}}}]}`,
			[]string{"/inference/preset/name!", "/inference/adapters/0/source/volumeSource/image/reference=r.io/a:1"}},
		{"kaito.sh/v1alpha1", "InferenceSet", `"spec":{"template":{"inference":{"preset":{"name":"phi-4","presetOptions":{"image":"r.io/k:1","modelWeightsPVC":"w"}}}}}`,
			[]string{"/spec/template/inference/preset/presetOptions/image=r.io/k:1", "/spec/template/inference/preset/presetOptions/modelWeightsPVC!"}},
		{"kaito.sh/v1alpha1", "ModelMirror", `"spec":{"source":{"registry":"huggingface","modelID":"a/b"}}`, []string{"/spec/source!"}},
		{"machinelearning.seldon.io/v1", "SeldonDeployment", `"spec":{"predictors":[{"componentSpecs":[{"spec":{"containers":[{"image":"r.io/c:1"}]}}],"graph":{"modelUri":"gs://b/m","children":[{"modelUri":"oci://r.io/m:1"}]}}]}`,
			[]string{"/spec/predictors/0/componentSpecs/0/spec/containers/0/image=r.io/c:1", "/spec/predictors/0/graph/modelUri!", "/spec/predictors/0/graph/children/0/modelUri=r.io/m:1"}},
		{"batch.volcano.sh/v1alpha1", "Job", `"spec":{"tasks":[{"template":{"spec":` + aPod + `}}]}`, inPod("/spec/tasks/0/template/spec")},
		{"kubeai.org/v1", "Model", `"spec":{"url":"hf://a/b","image":"r.io/i:1","adapters":[{"url":"oci://r.io/a:1"}]}`,
			[]string{"/spec/url!", "/spec/adapters/0/url=r.io/a:1", "/spec/image=r.io/i:1"}},
		{"kubeflow.org/v1", "MPIJob", `"spec":{"mpiReplicaSpecs":{"Launcher":{"template":{"spec":` + aPod + `}}}}`, inPod("/spec/mpiReplicaSpecs/Launcher/template/spec")},
		{"trainer.kubeflow.org/v1alpha1", "ClusterTrainingRuntime", `"spec":{"template":{"spec":{"replicatedJobs":[{"template":{` + template + `}}]}}}`, inPod("/spec/template/spec/replicatedJobs/0/template/spec/template/spec")},
		{"tekton.dev/v1", "PipelineRun", `"spec":{"pipelineSpec":{"tasks":[{"taskSpec":{"steps":[{"image":"r.io/t:1"}],"sidecars":[{"image":"r.io/s:1"}]}}]},"taskRunTemplate":{"podTemplate":{"volumes":[{"image":{"reference":"r.io/m:1"}}]}}}`,
			[]string{"/spec/pipelineSpec/tasks/0/taskSpec/steps/0/image=r.io/t:1", "/spec/pipelineSpec/tasks/0/taskSpec/sidecars/0/image=r.io/s:1", "/spec/taskRunTemplate/podTemplate/volumes/0/image/reference=r.io/m:1"}},
		{"v1", "ConfigMap", `"data":{"image":"r.io/x:1"}`, nil},
		{"v1", "List", `"items":[{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"r.io/c:1"}]}},{"apiVersion":"v1","kind":"Service"}]`, []string{"/items/0/spec/containers/0/image=r.io/c:1"}},
		{"apps/v1", "DeploymentList", `"items":[{"apiVersion":"apps/v1","kind":"Deployment",` + template + `}]`, inPod("/items/0/spec/template/spec")},
		{"v1", "Pod", `"spec":{"containers":null}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			found, err := References([]byte(object(tt.version, tt.kind, tt.members)))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found {
				if f.Err != nil {
					got = append(got, f.Pointer+"!")
				} else {
					got = append(got, f.Pointer+"="+f.Reference.String())
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestReferencesRefuses(t *testing.T) {
	tests := []struct {
		name, text string
		want       error
	}{
		{"unknown kind", object("example.com/v1", "Pod", `"spec":{}`), ErrUnknownKind},
		{"known kind of another group", object("apps/v1", "Pod", `"spec":{}`), ErrUnknownKind},
		{"list of an unknown kind", object("example.com/v1", "ThingList", `"items":[]`), ErrUnknownKind},
		{"unknown kind in a list", object("v1", "List", `"items":[{"apiVersion":"x/v1","kind":"Y"}]`), ErrUnknownKind},
		{"list in a list", object("v1", "List", `"items":[{"apiVersion":"v1","kind":"List","items":[]}]`), ErrUnknownKind},
		{"kind in other case", object("v1", "pod", `"spec":{}`), ErrUnknownKind},
		{"no kind", `{"apiVersion":"v1"}`, ErrMalformed},
		{"no version", `{"kind":"Pod"}`, ErrMalformed},
		{"two kinds", `{"apiVersion":"v1","kind":"ConfigMap","kind":"Pod"}`, ErrMalformed},
		{"kinds by case", `{"apiVersion":"v1","kind":"ConfigMap","Kind":"Pod"}`, ErrMalformed},
		{"not an object", `[]`, ErrMalformed},
		{"not JSON", `kind: Pod`, ErrMalformed},
		{"two documents", `{} {}`, ErrMalformed},
		{"containers as an object", object("v1", "Pod", `"spec":{"containers":{"0":{"image":"r.io/c:1"}}}`), ErrMalformed},
		{"container as a string", object("v1", "Pod", `"spec":{"containers":["r.io/c:1"]}`), ErrMalformed},
		{"image as an array", object("v1", "Pod", `"spec":{"containers":[{"image":["r.io/c:1"]}]}`), ErrMalformed},
		{"spec in other case", object("v1", "Pod", `"Spec":{"containers":[{"image":"r.io/c:1"}]}`), ErrMalformed},
		{"image in other case", object("v1", "Pod", `"spec":{"containers":[{"image":"r.io/c:1","IMAGE":"r.io/d:1"}]}`), ErrMalformed},
		{"volume in other case", object("v1", "Pod", `"spec":{"volumes":[{"image":{"Reference":"r.io/d:1"}}]}`), ErrMalformed},
		{"items as an object", object("v1", "List", `"items":{}`), ErrMalformed},
		{"too large", object("v1", "ConfigMap", `"data":{"a":"`+strings.Repeat("x", MaxObject)+`"}`), ErrLimit},
		{"too many", object("v1", "Pod", `"spec":{"containers":[`+strings.Repeat(`{"image":"r.io/c:1"},`, MaxReferences)+`{"image":"r.io/c:2"}]}`), ErrLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if found, err := References([]byte(tt.text)); !errors.Is(err, tt.want) || found != nil {
				t.Errorf("%v, %v", found, err)
			}
		})
	}
}

// TestReferencesOfElsewhere: what names no registry is found, with an error.
func TestReferencesOfElsewhere(t *testing.T) {
	for _, text := range []string{"nginx", "nginx:1", "r.io/x", "dir:/etc", "oci-layout:/srv/m:v1", "oci://r.io/x:1", "docker://r.io/x:1", "r.io/X:1", "r.io/x@sha256:00", " r.io/x:1", "r.io/x:1\u202e"} {
		found, err := References([]byte(object("v1", "Pod", fmt.Sprintf(`"spec":{"containers":[{"image":%q}]}`, text))))
		if err != nil || len(found) != 1 || !errors.Is(found[0].Err, artifact.ErrBadReference) || found[0].Text != text {
			t.Errorf("%q: %+v %v", text, found, err)
		}
	}
	for _, text := range []string{"r.io/x:1", "hf://a/b", "docker://r.io/x:1", "OCI://r.io/x:1", "https://r.io/x:1", "oci-layout:/x:1"} {
		found, err := References([]byte(object("mlops.seldon.io/v1", "Model", fmt.Sprintf(`"spec":{"storageUri":%q}`, text))))
		if err != nil || len(found) != 1 || !errors.Is(found[0].Err, ErrNotVerifiable) {
			t.Errorf("%q: %+v %v", text, found, err)
		}
	}
}

func BenchmarkReferences(b *testing.B) {
	text := []byte(object("apps/v1", "Deployment", `"spec":{"template":{"spec":`+aPod+`}}`))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := References(text); err != nil {
			b.Fatal(err)
		}
	}
}
