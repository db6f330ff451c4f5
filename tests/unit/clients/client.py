"""What a script of a data scientist does with the Python client; prints one line a fact."""

import sys
import threading
import time

from kubernetes import client, config, dynamic, watch
from kubernetes.client import ApiException
from kubernetes.stream import portforward, stream
from kubernetes.utils import create_from_dict, parse_quantity

config.load_kube_config(sys.argv[1])
core, apps, batch = client.CoreV1Api(), client.AppsV1Api(), client.BatchV1Api()
NS = "default"


def pod(name, *command, image="busybox:1.36"):
    container = client.V1Container(name="main", image=image, command=list(command) or None)
    spec = client.V1PodSpec(containers=[container], termination_grace_period_seconds=0)
    core.create_namespaced_pod(NS, client.V1Pod(metadata=client.V1ObjectMeta(name=name), spec=spec))
    for event in watch.Watch().stream(core.list_namespaced_pod, NS, field_selector=f"metadata.name={name}"):
        conditions = event["object"].status.conditions or []
        if any(c.type == "Ready" and c.status == "True" for c in conditions):
            return


# Watches, from a list on.
start = core.list_namespaced_config_map(NS).metadata.resource_version
for turn in range(3):
    core.create_namespaced_config_map(NS, client.V1ConfigMap(metadata=client.V1ObjectMeta(name=f"map-{turn}"), data={"turn": str(turn)}))
core.delete_namespaced_config_map("map-0", NS)
seen, watcher = [], watch.Watch()
for event in watcher.stream(core.list_namespaced_config_map, NS, resource_version=start):
    seen.append(f'{event["type"]} {event["object"].metadata.name}')
    if len(seen) == 4:
        watcher.stop()
print("watch:", ", ".join(seen))

# Paging, patches, refusals.
page = core.list_namespaced_config_map(NS, limit=1)
rest = core.list_namespaced_config_map(NS, limit=10, _continue=page.metadata._continue)
print("pages:", len(page.items), page.metadata.remaining_item_count == len(rest.items))
print("merge:", core.patch_namespaced_config_map("map-1", NS, {"data": {"turn": None, "more": "x"}}).data)
print("json:", core.patch_namespaced_config_map("map-1", NS, [{"op": "add", "path": "/data/y", "value": "z"}]).data)
for wrong in ({"metadata": {"name": "Not_A_Name"}}, {"metadata": {"name": "map-1"}}):
    try:
        core.create_namespaced_config_map(NS, wrong)
    except ApiException as error:
        print("refused:", error.status, error.reason)

# A shell, with both streams, input and the exit code.
pod("shell", "sleep", "3600")
run = lambda *command, **more: stream(core.connect_get_namespaced_pod_exec, "shell", NS, command=list(command), stdout=True, stderr=True, stdin=False, tty=False, **more)
print("exec:", run("echo", "hello").strip())
session = stream(core.connect_get_namespaced_pod_exec, "shell", NS, command=["sh"], stdin=True, stdout=True, stderr=True, tty=False, _preload_content=False)
session.write_stdin("echo typed; echo wrong >&2; exit 7\n")
session.run_forever(timeout=20)
print("shell:", session.read_stdout().strip(), session.read_stderr().strip(), session.returncode)

# Logs, followed.
pod("log", "sh", "-c", "echo one; echo two; sleep 3600")
lines, follower = [], watch.Watch()
for line in follower.stream(core.read_namespaced_pod_log, "log", NS):
    lines.append(line)
    if len(lines) == 2:
        follower.stop()
print("log:", lines)
print("tail:", core.read_namespaced_pod_log("log", NS, tail_lines=1).strip())

# A forwarded port.
pod("web", image="nginx:1.27")
forward = portforward(core.connect_get_namespaced_pod_portforward, "web", NS, ports="80")
socket = forward.socket(80)
socket.setblocking(True)
socket.sendall(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
answer = b""
while chunk := socket.recv(4096):
    answer += chunk
print("forward:", answer.split(b"\r\n")[0].decode(), b"</html>" in answer, forward.error(80))
print("proxy:", "nginx" in core.connect_get_namespaced_pod_proxy("web:80", NS))

# A Job by a dictionary, a Deployment by its scale, any kind by the dynamic client.
create_from_dict(client.ApiClient(), {
    "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"},
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1.36", "command": ["true"]}]}}},
}, namespace=NS)
jobs = watch.Watch()
for event in jobs.stream(batch.list_namespaced_job, NS):
    if (event["object"].status.succeeded or 0) == 1:
        jobs.stop()
print("job:", batch.read_namespaced_job_status("once", NS).status.succeeded)
anything = dynamic.DynamicClient(client.ApiClient())
deployments = anything.resources.get(api_version="apps/v1", kind="Deployment")
labels = {"app": "many"}
deployments.create(namespace=NS, body={
    "metadata": {"name": "many"},
    "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "nginx:1.27"}]}}},
})
print("scale:", apps.patch_namespaced_deployment_scale("many", NS, {"spec": {"replicas": 3}}).spec.replicas)
applied = deployments.server_side_apply(namespace=NS, name="many", field_manager="python", body={
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "many", "annotations": {"by": "python"}},
})
print("apply:", applied.metadata.annotations["by"], "python" in {m.manager for m in applied.metadata.managedFields})
try:
    deployments.server_side_apply(namespace=NS, name="many", field_manager="python", body={
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "many"}, "spec": {"replicas": 9},
    })
except ApiException as error:
    print("conflict:", error.status)

# Who one is, and what one may.
review = client.AuthorizationV1Api().create_self_subject_access_review({"spec": {"resourceAttributes": {"verb": "create", "resource": "pods"}}})
print("may:", review.status.allowed, "| version:", client.VersionApi().get_code().git_version.startswith("v1.35"))
token = core.create_namespaced_service_account_token("default", NS, {"spec": {"audiences": None, "expirationSeconds": 600}})
print("token:", token.status.token.count("."))
print("nodes:", all(parse_quantity(n.status.capacity["memory"]) > 0 for n in core.list_node().items))
