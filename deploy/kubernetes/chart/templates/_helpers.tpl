{{/* Namespaces that are never asked about. */}}
{{- define "modelcheck.exempt" -}}
{{ concat (list .Release.Namespace "kube-system") .Values.webhook.exemptNamespaces | toJson }}
{{- end }}

{{/* Metadata of the webhook configurations. */}}
{{- define "modelcheck.metadata" -}}
metadata:
  name: modelcheck-admission
  labels:
    app.kubernetes.io/name: modelcheck-admission
  {{- if .Values.tls.certManager }}
  annotations:
    cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/modelcheck-admission
  {{- end }}
{{- end }}

{{/* What both webhooks are asked about, and when. */}}
{{- define "modelcheck.scope" }}
    sideEffects: None
    timeoutSeconds: {{ .Values.webhook.timeoutSeconds }}
    namespaceSelector:
      matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: NotIn
          values: {{ include "modelcheck.exempt" . }}
    matchConditions:
      # An update of a workload that changes neither what runs nor annotations,
      # such as those of controllers, is not worth a call.
      - name: changes-what-runs
        expression: >-
          request.operation == 'CREATE' || !(request.kind.group in ['', 'apps', 'batch']) || !has(object.spec) || !has(oldObject.spec) ||
          object.spec != oldObject.spec || has(object.metadata.annotations) != has(oldObject.metadata.annotations) ||
          (has(object.metadata.annotations) && object.metadata.annotations != oldObject.metadata.annotations)
    rules:
      - operations: [CREATE, UPDATE]
        apiGroups: [""]
        apiVersions: ["*"]
        resources: [persistentvolumes, pods, pods/ephemeralcontainers, podtemplates, replicationcontrollers]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [apps]
        apiVersions: ["*"]
        resources: [daemonsets, deployments, replicasets, statefulsets]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [batch]
        apiVersions: ["*"]
        resources: [cronjobs, jobs]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [agents.x-k8s.io]
        apiVersions: ["*"]
        resources: [sandboxs]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [apps.kruise.io]
        apiVersions: ["*"]
        resources: [clonesets, daemonsets, statefulsets]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [apps.nvidia.com]
        apiVersions: ["*"]
        resources: [nimcaches, nimpipelines, nimservices]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [apps.openshift.io]
        apiVersions: ["*"]
        resources: [deploymentconfigs]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [argoproj.io]
        apiVersions: ["*"]
        resources: [clusterworkflowtemplates, cronworkflows, rollouts, workflows, workflowtemplates]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [batch.volcano.sh]
        apiVersions: ["*"]
        resources: [jobs]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [jobset.x-k8s.io]
        apiVersions: ["*"]
        resources: [jobsets]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [kaito.sh]
        apiVersions: ["*"]
        resources: [inferencesets, modelmirrors, multiroleinferences, ragengines, workspaces]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [keda.sh]
        apiVersions: ["*"]
        resources: [scaledjobs]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [kubeai.org]
        apiVersions: ["*"]
        resources: [models]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [kubeflow.org]
        apiVersions: ["*"]
        resources: [jaxjobs, mpijobs, notebooks, paddlejobs, pytorchjobs, tfjobs, xgboostjobs]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [kueue.x-k8s.io]
        apiVersions: ["*"]
        resources: [workloads]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [leaderworkerset.x-k8s.io]
        apiVersions: ["*"]
        resources: [leaderworkersets]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [llmaz.io]
        apiVersions: ["*"]
        resources: [openmodels]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [machinelearning.seldon.io]
        apiVersions: ["*"]
        resources: [seldondeployments]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [mlops.seldon.io]
        apiVersions: ["*"]
        resources: [models, serverconfigs, servers]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [model.aibrix.ai]
        apiVersions: ["*"]
        resources: [modeladapters]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [nvidia.com]
        apiVersions: ["*"]
        resources: [dynamographdeployments]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [orchestration.aibrix.ai]
        apiVersions: ["*"]
        resources: [rayclusterfleets, rayclusterreplicasets, stormservices]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [ray.io]
        apiVersions: ["*"]
        resources: [rayclusters, raycronjobs, rayjobs, rayservices]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [serving.knative.dev]
        apiVersions: ["*"]
        resources: [configurations, revisions, services]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [serving.kserve.io]
        apiVersions: ["*"]
        resources: [clusterservingruntimes, clusterstoragecontainers, inferenceservices, llminferenceserviceconfigs, llminferenceservices, localmodelcaches, localmodelnamespacecaches, localmodelnodes, servingruntimes, trainedmodels]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [sparkoperator.k8s.io]
        apiVersions: ["*"]
        resources: [sparkapplications]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [tekton.dev]
        apiVersions: ["*"]
        resources: [clustertasks, pipelineruns, pipelines, stepactions, taskruns, tasks]
        scope: "*"
      - operations: [CREATE, UPDATE]
        apiGroups: [trainer.kubeflow.org]
        apiVersions: ["*"]
        resources: [clustertrainingruntimes, trainingruntimes, trainjobs]
        scope: "*"
{{- end }}
