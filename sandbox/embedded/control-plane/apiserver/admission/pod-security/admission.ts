import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { warn } from '../../call.ts';
import { forbidden, invalid } from '../../errors.ts';
import { type Attributes, nameOf } from '../attributes.ts';
import { baseline } from './baseline.ts';
import type { Finding, Subject } from './check.ts';
import { compareLevels, type LevelVersion, policyOf, shownPolicy } from './policy.ts';
import { restricted } from './restricted.ts';

/** All that a pod does beyond a level. */
export function findings({ level, minor }: LevelVersion, subject: Subject): Finding[] {
  if (level === 'privileged') return [];
  const strict = level === 'restricted' ? restricted.filter(({ since }) => since <= minor) : [];
  const replaced = new Set(strict.map(({ instead }) => instead));
  const checks = [...baseline.filter(({ id, since }) => since <= minor && !replaced.has(id)), ...strict];
  return checks.flatMap((check) => check.run(subject, minor) ?? []);
}

const told = (found: Finding[]): string =>
  found.map(({ reason, detail }) => (detail ? `${reason} (${detail})` : reason)).join(', ');

const subjectOf = ({ metadata, spec }: Loose): Subject => ({
  annotations: metadata?.annotations ?? {},
  spec: spec ?? {},
});

/** Where the template of pods stands, in kinds that make some. */
const templates: Record<string, (object: KubeObject) => Loose> = {
  '/replicationcontrollers': ({ spec }) => spec.template,
  '/podtemplates': ({ template }) => template,
  'apps/replicasets': ({ spec }) => spec.template,
  'apps/deployments': ({ spec }) => spec.template,
  'apps/statefulsets': ({ spec }) => spec.template,
  'apps/daemonsets': ({ spec }) => spec.template,
  'batch/jobs': ({ spec }) => spec.template,
  'batch/cronjobs': ({ spec }) => spec.jobTemplate?.spec?.template,
};

const ignored = new Set(['binding', 'eviction', 'status']);

/** https://kubernetes.io/docs/concepts/security/pod-security-admission/ — throws 403, 422 for labels that are none; warns. */
export function checkPodSecurity(attributes: Attributes): void {
  const { call, object } = attributes;
  if (!object) return;
  const { collection } = call.type;
  if (collection === '/namespaces') checkLabels(attributes);
  else if (collection === '/pods') checkPod(attributes, object);
  else if (call.info.subresource === '') {
    const template = templates[collection]?.(object);
    if (template) warnOf(attributes, subjectOf(template));
  }
}

const labelsOf = ({ call }: Attributes): Record<string, string> | undefined =>
  call.services.store.get('/namespaces', '', call.info.namespace)?.object.metadata.labels;

function checkPod(attributes: Attributes, pod: KubeObject): void {
  const { call, old } = attributes;
  if (ignored.has(call.info.subresource) || (old && !changesImages(pod, old))) return;
  const { enforce } = policyOf(labelsOf(attributes)).policy;
  const found = findings(enforce, subjectOf(pod));
  if (found.length > 0)
    throw forbidden(
      call.type,
      nameOf(attributes),
      `violates PodSecurity ${JSON.stringify(shownPolicy(enforce))}: ${told(found)}`,
    );
  warnOf(attributes, subjectOf(pod));
}

function warnOf(attributes: Attributes, subject: Subject): void {
  const { warn: level } = policyOf(labelsOf(attributes)).policy;
  const found = findings(level, subject);
  if (found.length > 0)
    warn(attributes.call, `would violate PodSecurity ${JSON.stringify(shownPolicy(level))}: ${told(found)}`);
}

/** All else of a pod that can be changed is harmless. */
function changesImages({ spec }: KubeObject, { spec: before }: KubeObject): boolean {
  const imagesOf = (list: Loose[] | undefined): string => JSON.stringify((list ?? []).map(({ image }) => image));
  return ['containers', 'initContainers', 'ephemeralContainers'].some(
    (field) => imagesOf(spec[field]) !== imagesOf(before[field]),
  );
}

/** Labels are read when they are set; pods that are there already stay, and are told of. */
function checkLabels(attributes: Attributes): void {
  const { call, object, old } = attributes;
  if (call.info.subresource !== '' || !object) return;
  const { policy, faults } = policyOf(object.metadata.labels);
  const before = old && policyOf(old.metadata.labels);
  if (faults.length > 0 && JSON.stringify(faults) !== JSON.stringify(before?.faults))
    throw invalid('Namespace', '', nameOf(attributes), faults);
  if (!before) return;
  const { enforce } = policy;
  const { enforce: was } = before.policy;
  const stricter = enforce.minor !== was.minor || compareLevels(enforce.level, was.level) > 0;
  if (enforce.level === 'privileged' || !stricter) return;
  const name = nameOf(attributes);
  const pods = call.services.store.list('/pods', name).map(({ object: pod }) => pod);
  const lines = podLines(pods, enforce);
  if (lines.length === 0) return;
  const level = JSON.stringify(shownPolicy(enforce));
  warn(call, `existing pods in namespace ${JSON.stringify(name)} violate the new PodSecurity enforce level ${level}`);
  for (const line of lines) warn(call, line);
}

/** One line for all pods with the same findings, named by the first. */
function podLines(pods: KubeObject[], enforce: LevelVersion): string[] {
  const names = new Map<string, string[]>();
  for (const pod of pods) {
    const text = findings(enforce, subjectOf(pod))
      .map(({ reason }) => reason)
      .join(', ');
    if (text === '') continue;
    const known = names.get(text);
    if (known) known.push(pod.metadata.name ?? '');
    else names.set(text, [pod.metadata.name ?? '']);
  }
  const lines = [...names].map(([text, all]) => {
    const others = all.length - 1;
    const more = others === 0 ? '' : others === 1 ? ' (and 1 other pod)' : ` (and ${others} other pods)`;
    return `${all.sort()[0]}${more}: ${text}`;
  });
  return lines.sort();
}
