/** Where the embedded cluster is meant to differ from the recorded one. */
export interface Deliberate {
  reason: string;
  /** Matched against `SCENARIO: COMMAND`. */
  where: RegExp;
  /** Lines left out on both sides. */
  lines: RegExp;
}

/** At most ten. */
export const DELIBERATE: Deliberate[] = [
  {
    reason: 'The recorded cluster has no load balancer; the embedded one gives each Service an address of the machine.',
    where: /^services: kubectl get svc/,
    lines: /^lb\s+LoadBalancer\s/,
  },
  {
    reason: 'The recorded cluster has no DNS, and warns of it at each pod; the embedded one has.',
    where: /describe|events|cluster-info/,
    lines: /MissingClusterDNS|^CoreDNS is running/,
  },
  {
    reason: 'The recorded node was given its images by import: their ids are digests without a repository.',
    where: /describe|-o (yaml|json)/,
    lines: /^\s*"?image ?id"?:/i,
  },
  {
    reason: 'The scheduler reports under the name of its machine.',
    where: /events/,
    lines: /reportingInstance: default-scheduler-/,
  },
  {
    reason: 'Answers are JSON: clients that ask for protobuf take that as well.',
    where: /form=protobuf/,
    lines: /./,
  },
  {
    reason: 'Requests of the embedded cluster are not queued by priority.',
    where: /^requests\//,
    lines: /^x-kubernetes-pf-/,
  },
  {
    reason: 'Whoever made the cluster chose its administrator’s name.',
    where: /^access: kubectl auth whoami/,
    lines: /^Username/,
  },
  {
    reason: 'How many steps of a rollout are seen depends on how fast containers start.',
    where: /kubectl rollout status/,
    lines: /^Waiting for .* rollout to finish: \d+ (of|out of|old) /,
  },
  {
    reason: 'What fields are for is told in the words of the client library’s documentation, which has fewer of them.',
    where: /kubectl explain|^requests\//,
    lines:
      /columnDefinitions\[\d+\]\.description|\.properties\.metadata\.description|^(?!\s*\S+\t<)(?: {4}|.{0,3}\t)|^$/,
  },
  {
    reason: 'The recorded cluster has no add-on that measures pods; the embedded one serves metrics.k8s.io.',
    where: /api-resources|api-versions|describe clusterrole|can-i --list/,
    lines: /metrics\.k8s\.io/,
  },
];
