"""What deploy/kubernetes/ comes to on a real API server, asked by tests/system/kubernetes.sh.

    checks.py FOLDER OVERLAY...

FOLDER has admin.kubeconfig and the server's certificate; $CLUSTER is the program of main.go. A
check is a method of `Overlay`: it returns what was seen, in a few words, or raises Failed. Checks
go on after one that failed, but for those without which nothing follows. Prints a row for each;
exit status 1 when one failed.
"""

import http.server
import ipaddress
import json
import math
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request

NAMESPACE = "mannequin"
NAME = "app.kubernetes.io/name"
GPU = "nvidia.com/gpu"
# In flight in all pods together, and jobs that wait and run by kind, which the autoscalers are told.
LOAD = {"scorer": 80, "generator": 24, "store": 60}
JOBS = {"crawl": (3, 1), "score_catalog": (1, 1), "make_placeholders": (4, 0), "train_gan": (9, 1)}

# Who else is in the cluster: namespace, its labels, a pod's labels.
OTHERS = {
    "kube-system": ({}, {"k8s-app": "kube-dns"}),
    "monitoring": ({}, {"app": "prometheus"}),
    "shop": ({"mannequin-client": "true"}, {"app": "backend"}),
    "login": ({"mannequin-login": "true"}, {"app": "proxy"}),
    "stranger": ({}, {"app": "stranger"}),
}


def node(name, cpu, memory, zone="a", labels=None, taint=None, gpus=0):
    size = {"cpu": str(cpu), "memory": memory, "pods": "110", "ephemeral-storage": "500Gi"}
    if gpus:
        size[GPU] = str(gpus)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/zone": zone,
                **(labels or {}),
            },
        },
        "spec": {"taints": [taint]} if taint else {},
        "status": {"capacity": size, "allocatable": size},
    }


def dgx(name):
    return node(
        name,
        112,
        "2Ti",
        labels={"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu.present": "true"},
        taint={"key": GPU, "value": "present", "effect": "NoSchedule"},
        gpus=8,
    )


# The cluster that each overlay is written for: one small machine; three; a DGX beside two; two beside three.
NODES = {
    "dev": [node("small", 2, "4Gi")],
    "production": [node(f"node-{zone}", 16, "64Gi", zone) for zone in "abc"],
    "large": [node(f"node-{zone}", 16, "64Gi", zone) for zone in "abc"],
    "dgx": [node(f"node-{zone}", 16, "64Gi", zone) for zone in "ab"]
    + [dgx("dgx")],
    "training-workers": [node(f"node-{zone}", 16, "64Gi", zone) for zone in "abc"] + [dgx("dgx-0"), dgx("dgx-1")],
}


class Failed(Exception):
    pass


class Api:
    """The API server, in JSON."""

    def __init__(self, kubeconfig, ca):
        config = json.load(open(kubeconfig))
        self.server = config["clusters"][0]["cluster"]["server"]
        self.token = config["users"][0]["user"]["token"]
        self.tls = ssl.create_default_context(cafile=ca)

    def open(self, method, path, body, kind):
        request = urllib.request.Request(self.server + path, method=method)
        request.add_header("Authorization", "Bearer " + self.token)
        request.add_header("Accept", "application/json")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", kind)
        return urllib.request.urlopen(request, context=self.tls, timeout=60)

    def call(self, method, path, body=None, kind="application/json"):
        """Status and answer, whatever the status is."""
        try:
            with self.open(method, path, body, kind) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode()
            try:
                return error.code, json.loads(text)
            except ValueError:
                return error.code, {"message": text}

    def get(self, path):
        status, answer = self.call("GET", path)
        if status != 200:
            raise Failed(f"GET {path}: {status}: {answer.get('message')}")
        return answer

    def create(self, path, body):
        status, answer = self.call("POST", path, body)
        if status not in (200, 201, 409):
            raise Failed(f"POST {path}: {status}: {answer.get('message')}")
        return answer


def kubectl(*arguments, check=True, text=None):
    done = subprocess.run([os.environ["CLUSTER"], "kubectl", *arguments], input=text, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise Failed(f"kubectl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return done


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(seconds, what):
    """Calls what() until it returns None; its last complaint is the failure."""
    deadline = time.monotonic() + seconds
    while True:
        complaint = what()
        if complaint is None:
            return
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {complaint}")
        time.sleep(0.3)


def selects(selector, labels):
    """A LabelSelector, as the API defines it: an empty one selects everything."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions") or []:
        has, value = rule["key"] in labels, labels.get(rule["key"])
        if not {
            "In": has and value in rule.get("values", []),
            "NotIn": not has or value not in rule.get("values", []),
            "Exists": has,
            "DoesNotExist": not has,
        }[rule["operator"]]:
            return False
    return True


def named(item):
    return f"{item['kind']}/{item['metadata']['name']}"


def is_ready(pod):
    return "deletionTimestamp" not in pod["metadata"] and any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in pod["status"].get("conditions", [])
    )


def app(pod):
    return pod["metadata"]["labels"].get(NAME) or next(iter(pod["metadata"]["labels"].values()))


class Metrics:
    """What autoscalers go by: a real Prometheus and a real prometheus-adapter with the rules of deploy/.
    LOAD, shared among an app's pods and over two methods, and JOBS are what the pods would say at /metrics."""

    def __init__(self, api, folder, rules):
        metrics = self

        class Pods(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                data = metrics.said_by_pods(api).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.pods = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pods)
        threading.Thread(target=self.pods.serve_forever, name="metrics", daemon=True).start()
        prometheus, adapter = free_port(), free_port()
        data = tempfile.mkdtemp(dir=folder)
        config = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "mannequin", "static_configs": [{"targets": [f"127.0.0.1:{self.pods.server_address[1]}"]}]}],
        }
        json.dump(config, open(f"{data}/prometheus.yml", "w"))
        kubeconfig = f"{folder}/admin.kubeconfig"
        self.processes = [
            subprocess.Popen(command, stdout=open(f"{folder}/{name}.log", "w"), stderr=subprocess.STDOUT)
            for name, command in {
                "prometheus": [
                    "prometheus", f"--config.file={data}/prometheus.yml", f"--storage.tsdb.path={data}/series",
                    f"--web.listen-address=127.0.0.1:{prometheus}",
                ],
                "adapter": [
                    os.environ["ADAPTER"], f"--config={rules}", f"--prometheus-url=http://127.0.0.1:{prometheus}",
                    "--metrics-relist-interval=2s", "--bind-address=127.0.0.1", f"--secure-port={adapter}",
                    f"--tls-cert-file={folder}/server.crt", f"--tls-private-key-file={folder}/server.key",
                    f"--lister-kubeconfig={kubeconfig}", f"--authentication-kubeconfig={kubeconfig}",
                    f"--authorization-kubeconfig={kubeconfig}", "--authentication-skip-lookup",
                    "--authorization-always-allow-paths=/*",
                ],
            }.items()
        ]
        api.create(
            "/api/v1/namespaces/monitoring/services",
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "adapter"},
                "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": adapter}]},
            },
        )
        # The API server of this test shows the adapter no certificate, so it asks in nobody's name.
        rule = {"apiGroups": [group for group, _ in self.APIS], "resources": ["*"], "verbs": ["*"]}
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "metrics"}, "rules": [rule]}
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "metrics"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "metrics"},
            "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "system:anonymous"}],
        }
        api.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", role)
        api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
        for group, version in self.APIS:
            api.create(
                "/apis/apiregistration.k8s.io/v1/apiservices",
                {
                    "apiVersion": "apiregistration.k8s.io/v1",
                    "kind": "APIService",
                    "metadata": {"name": f"{version}.{group}"},
                    "spec": {
                        "group": group,
                        "version": version,
                        "insecureSkipTLSVerify": True,
                        "groupPriorityMinimum": 100,
                        "versionPriority": 100,
                        "service": {"namespace": "monitoring", "name": "adapter", "port": adapter},
                    },
                },
            )

    APIS = (("custom.metrics.k8s.io", "v1beta2"), ("external.metrics.k8s.io", "v1beta1"))

    def said_by_pods(self, api):
        pods = api.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
        lines = []
        for name, load in LOAD.items():
            found = [pod["metadata"]["name"] for pod in pods if app(pod) == name]
            for pod in found:
                for method, part in (("Score", 0.75), ("Replay", 0.25)):
                    labels = f'namespace="{NAMESPACE}",pod="{pod}",service="{name}",method="{method}"'
                    lines.append(f"mannequin_rpc_server_in_flight{{{labels}}} {load / len(found) * part}")
        # One that cannot read its records among those that can.
        for pod, known in (("store-0", True), ("store-1", True), ("store-2", False)):
            for kind, (queued, running) in JOBS.items():
                for state, jobs in (("queued", queued), ("running", running)):
                    labels = f'namespace="{NAMESPACE}",pod="{pod}",kind="{kind}",state="{state}"'
                    lines.append(f"mannequin_store_jobs{{{labels}}} {jobs if known else 'NaN'}")
        return "\n".join(lines) + "\n"

    def stop(self, api):
        for group, version in self.APIS:
            api.call("DELETE", f"/apis/apiregistration.k8s.io/v1/apiservices/{version}.{group}")
        api.call("DELETE", "/api/v1/namespaces/monitoring/services/adapter")
        for process in self.processes:
            process.terminate()
            process.wait()
        self.pods.shutdown()


class Readiness(threading.Thread):
    """Watches a namespace's EndpointSlices: the fewest ready endpoints that each Service had."""

    def __init__(self, api):
        super().__init__(name="endpoints", daemon=True)
        self.fewest = {}
        path = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
        found = api.get(path)
        for item in found["items"]:
            self.note(item)
        path += f"?watch=1&resourceVersion={found['metadata']['resourceVersion']}"
        self.watch = subprocess.Popen([os.environ["CLUSTER"], "kubectl", "get", "--raw", path], stdout=subprocess.PIPE, text=True)
        self.start()

    def note(self, item):
        service = item["metadata"]["labels"]["kubernetes.io/service-name"]
        ready = sum(1 for endpoint in item.get("endpoints") or [] if endpoint["conditions"].get("ready"))
        self.fewest[service] = min(ready, self.fewest.get(service, ready))

    def run(self):
        for line in self.watch.stdout:
            if line.endswith("\n"):
                self.note(json.loads(line)["object"])

    def stop(self):
        self.watch.kill()
        self.watch.wait()
        self.join()
        return self.fewest


class Overlay:
    def __init__(self, api, name, folder):
        self.api, self.name, self.folder = api, name, folder
        self.path = f"deploy/kubernetes/{name}"
        self.metrics = None

    def items(self, kind, group="/api/v1", namespace=NAMESPACE):
        return self.api.get(f"{group}/namespaces/{namespace}/{kind}")["items"]

    def all_pods(self):
        """Those of Jobs, too, which KWOK lets end as soon as they are on a node."""
        return [pod for pod in self.items("pods") if "deletionTimestamp" not in pod["metadata"]]

    def pods(self, name=None):
        found = [pod for pod in self.all_pods() if pod["status"]["phase"] != "Succeeded"]
        return found if name is None else [pod for pod in found if app(pod) == name]

    def workloads(self):
        found = []
        for kind, what in (("deployments", "Deployment"), ("statefulsets", "StatefulSet")):
            found += [{**item, "kind": what} for item in self.items(kind, "/apis/apps/v1")]
        return found

    def autoscalers(self):
        return self.items("horizontalpodautoscalers", "/apis/autoscaling/v2")

    # --- what is there before -------------------------------------------------------------------
    def cluster(self):
        for item in NODES[self.name]:
            self.api.create("/api/v1/nodes", item)
        # What the manifests know nothing of stands apart.
        self.api.create("/api/v1/nodes", node("elsewhere", 4, "16Gi", taint={"key": "test", "effect": "NoSchedule"}))
        self.api.create(
            "/apis/storage.k8s.io/v1/storageclasses",
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": "shared", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
                "provisioner": "kubernetes.io/no-provisioner",
            },
        )
        for i in range(6):
            self.api.create(
                "/api/v1/persistentvolumes",
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolume",
                    "metadata": {"name": f"{self.name}-{i}"},
                    "spec": {
                        "storageClassName": "shared",
                        "capacity": {"storage": "500Gi"},
                        "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
                        "persistentVolumeReclaimPolicy": "Retain",
                        "nfs": {"server": "127.0.0.1", "path": f"/{i}"},
                    },
                },
            )
        for namespace, (labels, pod) in OTHERS.items():
            self.api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
            until(60, lambda: None if self.items("serviceaccounts", namespace=namespace) else f"no service account in {namespace}")
            self.api.create(
                f"/api/v1/namespaces/{namespace}/pods",
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": "one", "labels": pod},
                    "spec": {"nodeName": "elsewhere", "containers": [{"name": "one", "image": "none"}]},
                },
            )

        def nodes_ready():
            waiting = [item["metadata"]["name"] for item in self.api.get("/api/v1/nodes")["items"] if not is_ready(item)]
            return f"nodes are not ready: {waiting}" if waiting else None

        until(120, nodes_ready)
        return ", ".join(f"{item['metadata']['name']} {item['status']['capacity']['cpu']} CPU" for item in NODES[self.name])

    def strict(self):
        """Would a fault be seen at all?"""
        field = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fault", "namespace": "default"}, "dato": {}}
        done = kubectl("apply", "--server-side", "--validate=strict", "-f", "-", check=False, text=json.dumps(field))
        if done.returncode == 0 or "dato" not in done.stderr:
            raise Failed(f"an unknown field was taken: {done.stdout}{done.stderr}")
        return "an unknown field is refused"

    def secrets(self):
        """As deploy/README.md has them made."""
        if self.name == "dev":
            return "none are needed"
        text = open("deploy/README.md").read()
        commands = re.findall(r"^kubectl (.*create secret .*|apply .*namespace\.yaml)$", text, re.MULTILINE)
        if len(commands) != 4:
            raise Failed("deploy/README.md does not say how the namespace and its three secrets are made")
        keys = set()
        for command in commands:
            arguments = command.split()
            for i, argument in enumerate(arguments):
                if argument.startswith("--from-file="):
                    keys.add(argument.removeprefix("--from-file="))
                    arguments[i] = f"--from-file={self.folder}/secrets/{argument.removeprefix('--from-file=')}"
            os.makedirs(f"{self.folder}/secrets", exist_ok=True)
            for key in keys:
                open(f"{self.folder}/secrets/{key}", "w").write("of no use\n")
            kubectl(*arguments)
        return f"README's commands make {len(keys)} keys"

    # --- applied ----------------------------------------------------------------------------------
    def apply(self):
        done = kubectl("apply", "--server-side", "--validate=strict", "-k", self.path)
        if "Warning" in done.stderr:
            raise Failed(f"the server warns: {done.stderr.strip()}")
        return f"{len(done.stdout.splitlines())} objects, no warning"

    def settled(self, seconds=300):
        scaled = {item["spec"]["scaleTargetRef"]["name"]: item for item in self.autoscalers()}

        def complaint():
            for item in self.workloads():
                spec, status = item["spec"], item["status"]
                want = spec["replicas"]
                if item["kind"] == "Deployment" and item["metadata"]["name"] in scaled:
                    least = scaled[item["metadata"]["name"]]["spec"]["minReplicas"]
                    if want < least:
                        return f"{named(item)}: its autoscaler has not seen to {least} replicas"
                have = [status.get(key, 0) for key in ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas")]
                if status.get("observedGeneration") != item["metadata"]["generation"] or have != [want] * 4:
                    return f"{named(item)}: {want} replicas, but all/ready/available/updated are {have}; {self.obstacles()}"
            for item in self.items("jobs", "/apis/batch/v1"):
                ended, want = item["status"].get("succeeded", 0), item["spec"]["completions"]
                if ended != want:
                    return f"job {item['metadata']['name']}: {ended} of {want} pods came to a node; {self.obstacles()}"
            if any(not is_ready(pod) for pod in self.items("pods") if pod["status"]["phase"] != "Succeeded"):
                return f"pods are not ready; {self.obstacles()}"
            return None

        until(seconds, complaint)

    def obstacles(self):
        found = []
        for pod in self.pods():
            for condition in pod["status"].get("conditions", []):
                if condition["status"] == "False" and condition.get("message"):
                    found.append(f"{pod['metadata']['name']}: {condition['message']}")
        for event in self.items("events"):
            if event["type"] == "Warning" and event["reason"] in ("FailedCreate", "FailedBinding", "ProvisioningFailed"):
                found.append(f"{event['involvedObject']['name']}: {event['message']}")
        return "; ".join(sorted(set(found))) or "no obstacle is known"

    def replicas(self):
        began = time.monotonic()
        self.settled()
        return f"{len(self.workloads())} workloads, {len(self.pods())} pods ready within {time.monotonic() - began:.0f} s"

    def scaling(self):
        found = self.autoscalers()
        if not found:
            return "no autoscaler here"
        self.metrics = Metrics(self.api, self.folder, "deploy/kubernetes/production/prometheus-adapter.yaml")

        def wanted(name, metric):
            if metric["type"] == "Pods":
                return math.ceil(LOAD[name] / int(metric["pods"]["target"]["averageValue"]))
            external = metric["external"]
            return math.ceil(sum(JOBS[external["metric"]["selector"]["matchLabels"]["kind"]]) / int(external["target"]["averageValue"]))

        seen = []
        for item in found:
            name, target = item["metadata"]["name"], item["spec"]["scaleTargetRef"]
            by_metric = [wanted(name, metric) for metric in item["spec"]["metrics"]]
            want = max(by_metric)

            def complaint():
                status = self.api.get(f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers/{name}")["status"]
                conditions = {c["type"]: f"{c['status']} {c.get('message', '')}" for c in status.get("conditions", [])}
                for kind in ("AbleToScale", "ScalingActive"):
                    if not conditions.get(kind, "").startswith("True"):
                        return f"autoscaler {name} of {target['kind']}/{target['name']}: {kind}: {conditions.get(kind)}"
                if status.get("desiredReplicas") != want:
                    return f"autoscaler {name} wants {status.get('desiredReplicas')} replicas, not {want}: {conditions}"
                if len(status.get("currentMetrics") or []) < len(by_metric):
                    return f"autoscaler {name} knows {len(status.get('currentMetrics') or [])} of its {len(by_metric)} metrics"
                return None

            least = item["spec"]["minReplicas"]
            if not least < want <= item["spec"]["maxReplicas"]:
                raise Failed(f"autoscaler {name}: {want} is not between {least} and its greatest: change LOAD or JOBS")
            until(180, complaint)
            seen.append(f"{name} {least} to {want}")
        self.settled()
        return f"{'; '.join(seen)} replicas by calls in flight and open jobs"

    def again(self):
        paths = {
            "/api/v1": ("configmaps", "services", "serviceaccounts", "persistentvolumeclaims"),
            "/apis/apps/v1": ("deployments", "statefulsets"),
            "/apis/policy/v1": ("poddisruptionbudgets",),
            "/apis/networking.k8s.io/v1": ("networkpolicies",),
            "/apis/autoscaling/v2": ("horizontalpodautoscalers",),
        }

        def look():
            seen = {}
            for group, kinds in paths.items():
                for kind in kinds:
                    for item in self.items(kind, group):
                        # All but what the controllers write, and whose each field is.
                        item.pop("status", None)
                        meta = {k: v for k, v in item["metadata"].items() if k not in ("resourceVersion", "managedFields")}
                        seen[f"{kind}/{meta['name']}"] = {**item, "metadata": meta}
            return seen

        before, pods = look(), {pod["metadata"]["uid"] for pod in self.pods()}
        done = kubectl("diff", "--server-side", "-k", self.path, check=False)
        if done.returncode != 0:
            raise Failed(f"kubectl diff after the first apply: {done.stdout}{done.stderr}")
        self.apply()
        after = look()
        changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
        if changed:
            raise Failed(f"a second apply changed {', '.join(changed)}")
        self.settled()
        if {pod["metadata"]["uid"] for pod in self.pods()} != pods:
            raise Failed("a second apply replaced pods")
        return f"0 of {len(after)} objects changed, no pod replaced"

    # --- what each pod is allowed -------------------------------------------------------------------
    def security(self):
        labels = self.api.get(f"/api/v1/namespaces/{NAMESPACE}")["metadata"]["labels"]
        if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
            raise Failed(f"namespace {NAMESPACE} does not enforce Pod Security `restricted`")
        pod = self.pods()[0]
        for what, change in {
            "a privileged container": lambda spec: spec["containers"][0]["securityContext"].update(privileged=True, allowPrivilegeEscalation=True),
            "user 0": lambda spec: spec["securityContext"].update(runAsUser=0),
            "a folder of the host": lambda spec: spec["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
            "no seccomp profile": lambda spec: spec["securityContext"].pop("seccompProfile"),
        }.items():
            spec = json.loads(json.dumps(pod["spec"]))
            spec.pop("nodeName")
            change(spec)
            bad = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bad"}, "spec": spec}
            status, answer = self.api.call("POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", bad)
            if status != 403 or "violates PodSecurity" not in answer["message"]:
                raise Failed(f"a pod with {what} was answered {status}: {answer.get('message')}")
        refused = [event["message"] for event in self.items("events") if event["reason"] == "FailedCreate"]
        if refused:
            raise Failed(f"pods were refused: {refused[0]}")
        return f"`restricted`: {len(self.pods())} pods admitted, 4 worse ones refused"

    def tokens(self):
        accounts = {item["metadata"]["name"]: item for item in self.items("serviceaccounts")}
        for pod in self.all_pods():
            name, spec = pod["metadata"]["name"], pod["spec"]
            account = accounts.get(spec.get("serviceAccountName"))
            if account is None or account["metadata"]["name"] == "default":
                raise Failed(f"{name} has no service account of its own")
            if account.get("automountServiceAccountToken") is not False:
                raise Failed(f"service account {account['metadata']['name']} mounts its token where a pod does not forbid it")
            for volume in spec.get("volumes", []):
                if any("serviceAccountToken" in source for source in volume.get("projected", {}).get("sources", [])):
                    raise Failed(f"{name} has a token of its service account in volume {volume['name']}")
        return f"{len(accounts) - 1} accounts, no token in {len(self.all_pods())} pods"

    def mounts(self):
        """The kubelet would wait for what is not there, and there is none here."""
        data = {("configMap", item["metadata"]["name"]): item.get("data", {}) for item in self.items("configmaps")}
        data.update({("secret", item["metadata"]["name"]): item.get("data", {}) for item in self.items("secrets")})
        claims = {item["metadata"]["name"]: item for item in self.items("persistentvolumeclaims")}
        count, used = 0, set()
        for pod in self.all_pods():
            name, spec = pod["metadata"]["name"], pod["spec"]
            for volume in spec.get("volumes", []):
                for kind, key in (("configMap", "name"), ("secret", "secretName")):
                    if kind not in volume:
                        continue
                    source = (kind, volume[kind][key])
                    if source not in data:
                        raise Failed(f"{name} mounts {kind} {source[1]}, which is not there")
                    for entry in volume[kind].get("items", []):
                        if entry["key"] not in data[source]:
                            raise Failed(f"{name} mounts key {entry['key']} of {kind} {source[1]}, which it does not have")
                    count += 1
                if "persistentVolumeClaim" in volume:
                    claim = claims.get(volume["persistentVolumeClaim"]["claimName"])
                    if claim is None or claim["status"]["phase"] != "Bound":
                        raise Failed(f"{name}: claim {volume['persistentVolumeClaim']['claimName']} is not bound")
                    used.add(claim["metadata"]["name"])
                    count += 1
            # Files that the configuration names lie in folders that are mounted.
            folders = {mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
            config = next(v["configMap"]["name"] for v in spec["volumes"] if v["name"] == "config")
            for path in re.findall(r'"(/[^"]+)"', re.sub("#.*", "", data[("configMap", config)]["config.textproto"])):
                if not any(path == folder or path.startswith(folder + "/") for folder in folders):
                    raise Failed(f"{name}: its configuration names {path}, which lies in none of {sorted(folders)}")
        spare = claims.keys() - used
        if spare:
            raise Failed(f"no pod mounts the claims {sorted(spare)}")
        return f"{count} volumes of {len(self.all_pods())} pods are there, {len(claims)} claims bound"

    # --- where pods are ----------------------------------------------------------------------------
    def places(self):
        nodes = {item["metadata"]["name"]: item for item in self.api.get("/api/v1/nodes")["items"]}
        gpus = 0
        for pod in self.all_pods():
            name, where = pod["metadata"]["name"], nodes[pod["spec"]["nodeName"]]
            asked = sum(int(c["resources"].get("limits", {}).get(GPU, 0)) for c in pod["spec"]["containers"])
            has = int(where["status"]["allocatable"].get(GPU, 0))
            if asked and not has:
                raise Failed(f"{name} asks for {asked} GPUs and is on {where['metadata']['name']}, which has none")
            if has and not asked:
                raise Failed(f"{name} asks for no GPU and is on {where['metadata']['name']}, which is for those that do")
            if asked and pod["status"]["qosClass"] != "Guaranteed":
                raise Failed(f"{name} is {pod['status']['qosClass']}, not Guaranteed: the static CPU manager gives it no cores")
            if asked and "cuda" not in pod["spec"]["containers"][0]["image"]:
                raise Failed(f"{name} asks for GPUs and its image is {pod['spec']['containers'][0]['image']}")
            gpus += asked
        there = {"dgx": 8, "training-workers": 16}.get(self.name, 0)
        if gpus != there:
            raise Failed(f"{gpus} of {there} GPUs are used")
        # Replicas are spread where there is room.
        spread = []
        for item in self.workloads():
            pods = self.pods(item["metadata"]["name"])
            on = {pod["spec"]["nodeName"] for pod in pods}
            if len(pods) > 1:
                if len(on) < 2:
                    raise Failed(f"all {len(pods)} pods of {named(item)} are on {on.pop()}")
                spread.append(f"{item['metadata']['name']} on {len(on)} nodes")
        return "; ".join(([f"{gpus} GPUs, on the DGX alone"] if gpus else []) + spread) or "all on one node"

    # --- the network ---------------------------------------------------------------------------------
    def services(self):
        slices = {}
        for item in self.items("endpointslices", "/apis/discovery.k8s.io/v1"):
            slices.setdefault(item["metadata"]["labels"]["kubernetes.io/service-name"], []).append(item)
        found, total = self.items("services"), 0
        for service in found:
            name, spec = service["metadata"]["name"], service["spec"]
            pods = {pod["status"]["podIP"] for pod in self.pods() if selects({"matchLabels": spec["selector"]}, pod["metadata"]["labels"])}
            ready = {
                address
                for item in slices.get(name, [])
                for endpoint in item.get("endpoints") or []
                if endpoint["conditions"]["ready"]
                for address in endpoint["addresses"]
            }
            if name in {item["metadata"]["name"] for item in self.items("jobs", "/apis/batch/v1")}:
                # Its pods are called by their own names.
                names = {f"{pod['spec']['hostname']}.{pod['spec'].get('subdomain')}" for pod in self.all_pods() if app(pod) == name}
                text = "".join(item["data"]["config.textproto"] for item in self.items("configmaps") if "config.textproto" in item.get("data", {}))
                called = set(re.findall(rf'"({name}-\d+\.[a-z.-]+):\d+/', text))
                if names != called:
                    raise Failed(f"the trainer has devices of {sorted(called)}, and there are {sorted(names)}")
                continue
            if not pods or ready != pods:
                raise Failed(f"service {name} has the endpoints {sorted(ready)}, its pods are {sorted(pods)}")
            for item in slices[name]:
                ports = {(port["name"], port["port"]) for port in item.get("ports") or []}
                if ports != {(port["name"], port["port"]) for port in spec["ports"]}:
                    asked = ", ".join(f"{port['port']} to {port['targetPort']}" for port in spec["ports"])
                    raise Failed(f"service {name}: {asked} comes to {sorted(ports) or 'no port'} of its pods")
            total += len(ready)
        for item in self.workloads():
            governs = item["spec"].get("serviceName", item["metadata"]["name"])
            if governs not in {service["metadata"]["name"] for service in found}:
                raise Failed(f"{named(item)} has no service {governs}")
        for pod in self.pods():
            notes, ports = pod["metadata"].get("annotations", {}), pod["spec"]["containers"][0]["ports"]
            if notes.get("prometheus.io/scrape") == "true" and int(notes["prometheus.io/port"]) not in [p["containerPort"] for p in ports]:
                raise Failed(f"{pod['metadata']['name']} is scraped on port {notes['prometheus.io/port']}, which it does not name")
        return f"{len(found)} services, {total} ready endpoints"

    def network(self):
        """Allowed by the policies, over all pairs of pods, is what configurations name, and nothing else."""
        policies = self.items("networkpolicies", "/apis/networking.k8s.io/v1")
        spaces = {item["metadata"]["name"]: item["metadata"]["labels"] for item in self.api.get("/api/v1/namespaces")["items"]}
        pods = [pod for pod in self.api.get("/api/v1/pods")["items"] if "deletionTimestamp" not in pod["metadata"]]
        ours = [pod for pod in pods if pod["metadata"]["namespace"] == NAMESPACE]

        def peer(rule, pod):
            meta = pod["metadata"]
            if "namespaceSelector" in rule:
                return selects(rule["namespaceSelector"], spaces[meta["namespace"]]) and selects(rule.get("podSelector", {}), meta["labels"])
            return "podSelector" in rule and meta["namespace"] == NAMESPACE and selects(rule["podSelector"], meta["labels"])

        for policy in policies:
            name, spec = policy["metadata"]["name"], policy["spec"]
            chosen = [pod for pod in ours if selects(spec["podSelector"], pod["metadata"]["labels"])]
            if not chosen:
                raise Failed(f"policy {name} selects no pod")
            if name == "default-deny" and (len(chosen) != len(ours) or set(spec["policyTypes"]) != {"Ingress", "Egress"}):
                raise Failed(f"default-deny selects {len(chosen)} of {len(ours)} pods, {spec['policyTypes']}")
            for rule in [r for d in spec.get("ingress", []) for r in d["from"]] + [r for d in spec.get("egress", []) for r in d["to"]]:
                if "ipBlock" not in rule and not any(peer(rule, pod) for pod in pods):
                    raise Failed(f"policy {name}: {json.dumps(rule)} is nobody")
            values = [v for r in [spec["podSelector"]] for e in r.get("matchExpressions", []) for v in e["values"]]
            values += [
                value
                for direction, key in (("ingress", "from"), ("egress", "to"))
                for entry in spec.get(direction, [])
                for rule in entry[key]
                for expression in rule.get("podSelector", {}).get("matchExpressions", [])
                for value in expression["values"]
            ]
            for value in values:
                if not any(app(pod) == value for pod in ours):
                    raise Failed(f"policy {name} names {value}, and no pod has that name")

        def allows(direction, key, pod, other, port, protocol="TCP"):
            if pod["metadata"]["namespace"] != NAMESPACE:
                return True
            isolated = False
            for policy in policies:
                spec = policy["spec"]
                if direction.capitalize() not in spec["policyTypes"] or not selects(spec["podSelector"], pod["metadata"]["labels"]):
                    continue
                isolated = True
                for entry in spec.get(direction, []):
                    to = any(
                        (other in ipaddress.ip_network(rule["ipBlock"]["cidr"]))
                        and not any(other in ipaddress.ip_network(net) for net in rule["ipBlock"].get("except", []))
                        if "ipBlock" in rule and not isinstance(other, dict)
                        else isinstance(other, dict) and peer(rule, other)
                        for rule in entry[key]
                    )
                    if to and any(
                        p["protocol"] == protocol and p["port"] <= port <= p.get("endPort", p["port"]) for p in entry["ports"]
                    ):
                        return True
            return not isolated

        allowed, want = set(), set()
        config = {item["metadata"]["name"]: item["data"] for item in self.items("configmaps") if "config.textproto" in item.get("data", {})}
        for source in pods:
            for target in pods:
                ports = [p["containerPort"] for c in target["spec"]["containers"] for p in c.get("ports", [])]
                if target["metadata"]["namespace"] == "kube-system":
                    ports = [53]
                for port in ports if NAMESPACE in (source["metadata"]["namespace"], target["metadata"]["namespace"]) else []:
                    if allows("egress", "to", source, target, port) and allows("ingress", "from", target, source, port):
                        allowed.add((app(source), app(target), port))
        for pod in ours:
            want.add((app(pod), "kube-dns", 53))
            if not allows("egress", "to", pod, next(p for p in pods if app(p) == "kube-dns"), 53, "UDP"):
                raise Failed(f"{app(pod)} cannot look names up")
            name = next(v["configMap"]["name"] for v in pod["spec"]["volumes"] if v["name"] == "config")
            for host, port in re.findall(r'^\w+: "([a-z]+):(\d+)"$', config[name]["config.textproto"], re.MULTILINE):
                want.add((app(pod), host, int(port)))
            if "prometheus.io/port" in pod["metadata"].get("annotations", {}):
                want.add(("prometheus", app(pod), int(pod["metadata"]["annotations"]["prometheus.io/port"])))
        want |= {("backend", "scorer", 8606), ("backend", "generator", 8605), ("proxy", "console", 8680)}
        if self.name == "training-workers":
            want |= {("trainer", "training-worker", 8607)} | {("training-worker", "training-worker", port) for port in (8607, 9607)}
        if allowed != want:
            raise Failed(f"policies allow {sorted(allowed - want)}, which nobody asks for, and keep {sorted(want - allowed)} from working")
        # In `large` the store calls its database and bucket, wherever they are.
        elsewhere = {("store", 443), ("store", 5432)} if self.name == "large" else set()
        for pod in ours:
            for address, port in (("93.184.215.14", 443), ("93.184.215.14", 80), ("2606:2800::1", 443)):
                if (app(pod), port) in elsewhere:
                    continue
                if allows("egress", "to", pod, ipaddress.ip_address(address), port) != (app(pod) == "fetcher"):
                    raise Failed(f"{app(pod)} to {address}:{port} of the internet")
            for address, port in (("10.244.0.9", 443), ("169.254.169.254", 80), ("192.168.1.1", 80), ("fd00::1", 443), ("93.184.215.14", 22), ("93.184.215.14", 5432)):
                if (app(pod), port) in elsewhere:
                    if not allows("egress", "to", pod, ipaddress.ip_address(address), port):
                        raise Failed(f"{app(pod)} cannot call {address}:{port}")
                    continue
                if allows("egress", "to", pod, ipaddress.ip_address(address), port):
                    raise Failed(f"{app(pod)} may call {address}:{port}")
        return f"{len(policies)} policies allow the {len(want)} ways that are needed and no other"

    # --- disruptions -----------------------------------------------------------------------------------
    def budgets(self):
        # Where nothing has two pods, a second one is lent.
        lent = [] if any(item["spec"]["replicas"] > 1 for item in self.workloads()) else ["console", "embedder"]
        for name in lent:
            kubectl("-n", NAMESPACE, "scale", f"deployment/{name}", "--replicas=2")
        self.settled()
        found = self.items("poddisruptionbudgets", "/apis/policy/v1")
        kinds = {item["metadata"]["name"]: item["spec"]["replicas"] for item in self.workloads()}
        if {item["metadata"]["name"] for item in found} != kinds.keys():
            raise Failed("not every workload has a budget of its name")

        def complaint():
            for item in self.items("poddisruptionbudgets", "/apis/policy/v1"):
                name, status = item["metadata"]["name"], item.get("status", {})
                seen = [status.get(key) for key in ("expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed")]
                if seen != [kinds[name], kinds[name], kinds[name] - 1, 1]:
                    return f"budget {name}: expected/healthy/desired/allowed are {seen} of {kinds[name]} pods"
            return None

        until(90, complaint)
        # With no node that takes a new pod, what is evicted stays away.
        nodes = [item["metadata"]["name"] for item in NODES[self.name]]
        for name in nodes:
            kubectl("cordon", name)
        refused = 0
        try:
            for name in sorted(kinds):
                pods = self.pods(name)
                for i, pod in enumerate(pods):
                    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}/eviction"
                    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod["metadata"]["name"]}}
                    status, answer = self.api.call("POST", path, body)
                    causes = [cause["reason"] for cause in (answer.get("details") or {}).get("causes", [])]
                    if i == 0 and status != 201:
                        raise Failed(f"the first pod of {name} cannot be evicted: {status}: {answer.get('message')}")
                    if i > 0 and (status != 429 or "DisruptionBudget" not in causes):
                        raise Failed(f"pod {i + 1} of {name} was evicted beyond the budget: {status}: {answer.get('message')}")
                    refused += i > 0
        finally:
            for name in nodes:
                kubectl("uncordon", name)
        self.settled()
        for name in lent:
            kubectl("-n", NAMESPACE, "scale", f"deployment/{name}", "--replicas=1")
        self.settled()
        return f"{len(found)} budgets: one pod of each may go, {refused} more evictions got 429"

    def restart(self):
        """All at once: a service whose old pod makes way first is away for a while; the others never are."""
        began, before = time.monotonic(), {pod["metadata"]["uid"] for pod in self.pods()}
        found = self.workloads()
        watch = Readiness(self.api)
        try:
            kubectl("-n", NAMESPACE, "rollout", "restart", "deployment,statefulset")
            for item in found:
                kubectl("-n", NAMESPACE, "rollout", "status", named(item).lower(), "--timeout=300s")
            self.settled()
        finally:
            fewest = watch.stop()
        if before & {pod["metadata"]["uid"] for pod in self.pods()}:
            raise Failed("a pod was not replaced")
        kept = 0
        for item in found:
            name, spec = item["metadata"]["name"], item["spec"]
            if spec.get("strategy", {}).get("type") == "RollingUpdate":
                spare = spec["strategy"]["rollingUpdate"]["maxUnavailable"]
                spare = int(spare[:-1]) * spec["replicas"] // 100 if isinstance(spare, str) else spare
                if spare > 0:
                    raise Failed(f"{name} may do without {spare} of its {spec['replicas']} pods during a restart")
                if fewest[name] < spec["replicas"]:
                    raise Failed(f"{name} had {fewest[name]} ready endpoints of {spec['replicas']} during its restart")
                kept += 1
        return f"{len(found)} workloads within {time.monotonic() - began:.0f} s, {kept} of them with no endpoint less"

    def drain(self):
        began = time.monotonic()
        for item in NODES[self.name]:
            name = item["metadata"]["name"]
            kubectl("drain", name, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=300s")
            left = [pod["metadata"]["name"] for pod in self.pods() if pod["spec"].get("nodeName") == name]
            if left:
                raise Failed(f"{left} are still on {name}, which was drained")
            kubectl("uncordon", name)
            self.settled()
        return f"{len(NODES[self.name])} nodes, one after another, within {time.monotonic() - began:.0f} s"

    def delete(self):
        kubectl("delete", "-k", self.path, "--timeout=300s")
        until(120, lambda: None if self.api.call("GET", f"/api/v1/namespaces/{NAMESPACE}")[0] == 404 else "the namespace is still there")
        volumes = self.api.get("/api/v1/persistentvolumes")["items"]
        kept = sum(item["status"]["phase"] == "Released" for item in volumes)
        for item in volumes:
            self.api.call("DELETE", f"/api/v1/persistentvolumes/{item['metadata']['name']}")
        if self.metrics:
            self.metrics.stop(self.api)
        for item in NODES[self.name]:
            self.api.call("DELETE", f"/api/v1/nodes/{item['metadata']['name']}")
        return f"nothing is left, {kept} volumes are released"


# In order; nothing follows where one of the first of them fails.
NEEDED = ("cluster", "secrets", "apply", "replicas")
CHECKS = (
    ("cluster", "nodes"),
    ("strict", "strict validation"),
    ("secrets", "namespace, secrets"),
    ("apply", "apply, server-side"),
    ("replicas", "replicas"),
    ("scaling", "autoscalers"),
    ("again", "apply again"),
    ("security", "Pod Security"),
    ("tokens", "account tokens"),
    ("mounts", "volumes"),
    ("places", "nodes of pods"),
    ("services", "services"),
    ("network", "network policies"),
    ("budgets", "disruption budgets"),
    ("restart", "rolling restart"),
    ("drain", "drain"),
    ("delete", "delete"),
)


def main():
    folder, names = sys.argv[1], sys.argv[2:]
    unknown = set(names) - NODES.keys()
    if unknown:
        sys.exit(f"checks.py: there is no overlay {', '.join(sorted(unknown))}; there are {', '.join(NODES)}")
    api = Api(f"{folder}/admin.kubeconfig", f"{folder}/ca.crt")
    failures = []
    for name in names:
        overlay, stopped = Overlay(api, name, folder), False
        for method, title in CHECKS:
            if stopped and method != "delete":
                continue
            began = time.monotonic()
            try:
                verdict, seen = "ok", getattr(overlay, method)()
            except Failed as error:
                verdict, seen = "FAILED", str(error)
            except Exception as error:  # What a check did not reckon with is its fault, and the rest is asked all the same.
                traceback.print_exc()
                verdict, seen = "FAILED", f"the check itself: {type(error).__name__}: {error}"
            if verdict == "FAILED":
                failures.append(f"{name}: {title}: {seen}")
                stopped = stopped or method in NEEDED
            print(f"{name:10} {title:20} {verdict:6} {time.monotonic() - began:5.1f} s  {seen}", flush=True)
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
