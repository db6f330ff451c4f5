import type { Loose } from '../../../../../../kubernetes/object.ts';
import { procMount, seccomp } from './baseline.ts';
import {
  type Check,
  containerNames,
  containersOf,
  containersThat,
  type Finding,
  inUserNamespace,
  onWindows,
  plural,
  quoted,
  type Subject,
  setters,
  sorted,
} from './check.ts';

/** `instead` is the rule of `baseline` whose place it takes. */
export interface RestrictedCheck extends Check {
  instead?: string;
}

const windowsSince = 25;
const unlessWindows =
  (run: (subject: Subject) => Finding | undefined): Check['run'] =>
  (subject, minor) =>
    minor >= windowsSince && onWindows(subject) ? undefined : run(subject);
const unlessUserNamespace =
  (run: (subject: Subject) => Finding | undefined): Check['run'] =>
  (subject, minor) =>
    minor >= 35 && inUserNamespace(subject) ? undefined : run(subject);

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted — by id, the order in which they are told. */
export const restricted: readonly RestrictedCheck[] = [
  { id: 'allowPrivilegeEscalation', since: 8, run: unlessWindows(escalation) },
  { id: 'capabilities_restricted', since: 22, instead: 'capabilities_baseline', run: unlessWindows(capabilities) },
  { id: 'procMount_restricted', since: 35, instead: 'procMount', run: procMount },
  { id: 'restrictedVolumes', since: 0, instead: 'hostPathVolumes', run: volumes },
  { id: 'runAsNonRoot', since: 0, run: unlessUserNamespace(nonRoot) },
  { id: 'runAsUser', since: 23, run: unlessUserNamespace(user) },
  { id: 'seccompProfile_restricted', since: 19, instead: 'seccompProfile_baseline', run: unlessWindows(profile) },
];

function escalation(subject: Subject): Finding | undefined {
  const containers = containersThat(subject, ({ allowPrivilegeEscalation }) => allowPrivilegeEscalation !== false);
  if (containers.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${containerNames(containers)} must set securityContext.allowPrivilegeEscalation=false`,
  };
}

function capabilities(subject: Subject): Finding | undefined {
  const extra = ({ capabilities: given }: Loose = {}): string[] =>
    (given?.add ?? []).filter((name: string) => name !== 'NET_BIND_SERVICE');
  const keeping = containersThat(subject, ({ capabilities: given }) => !given?.drop?.includes('ALL'));
  const adding = containersThat(subject, (security) => extra(security).length > 0);
  const details: string[] = [];
  if (keeping.length > 0) details.push(`${containerNames(keeping)} must set securityContext.capabilities.drop=["ALL"]`);
  if (adding.length > 0) {
    const names = sorted(containersOf(subject).flatMap(({ securityContext }) => extra(securityContext)));
    details.push(`${containerNames(adding)} must not include ${quoted(names)} in securityContext.capabilities.add`);
  }
  return details.length > 0 ? { reason: 'unrestricted capabilities', detail: details.join('; ') } : undefined;
}

const allowedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

function volumes({ spec }: Subject): Finding | undefined {
  const kindOf = ({ name: _, ...source }: Loose): string => Object.keys(source).find((key) => source[key]) ?? 'unknown';
  const wrong: Loose[] = (spec.volumes ?? []).filter((volume: Loose) => !allowedVolumes.some((kind) => volume[kind]));
  if (wrong.length === 0) return undefined;
  const kinds = sorted(wrong.map(kindOf));
  const names = wrong.map(({ name }) => name);
  return {
    reason: 'restricted volume types',
    detail: `${plural('volume', 'volumes', names.length)} ${quoted(names)} ${plural('uses', 'use', names.length)} ${plural('restricted volume type', 'restricted volume types', kinds.length)} ${quoted(kinds)}`,
  };
}

function nonRoot(subject: Subject): Finding | undefined {
  const pod = subject.spec.securityContext?.runAsNonRoot;
  const reason = 'runAsNonRoot != true';
  const explicit = containersThat(subject, ({ runAsNonRoot }) => runAsNonRoot === false);
  const who = setters(pod === false, explicit);
  if (who !== '') return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  const silent = pod === true ? [] : containersThat(subject, ({ runAsNonRoot }) => runAsNonRoot === undefined);
  if (silent.length === 0) return undefined;
  return { reason, detail: `pod or ${containerNames(silent)} must set securityContext.runAsNonRoot=true` };
}

function user(subject: Subject): Finding | undefined {
  const who = setters(
    subject.spec.securityContext?.runAsUser === 0,
    containersThat(subject, ({ runAsUser }) => runAsUser === 0),
  );
  return who === '' ? undefined : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
}

function profile(subject: Subject): Finding | undefined {
  const wrong = seccomp(subject);
  if (wrong || subject.spec.securityContext?.seccompProfile) return wrong;
  const silent = containersThat(subject, ({ seccompProfile }) => !seccompProfile);
  if (silent.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `pod or ${containerNames(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
}
