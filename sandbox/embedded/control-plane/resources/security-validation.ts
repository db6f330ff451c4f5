import { outside } from '../../../../kubernetes/names.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import { duplicate, invalid, notSupported, required, tooLong } from '../schema/field-errors.ts';
import type { FieldError } from './strategy.ts';
import { descendingPathFaults } from './volume-validation.ts';

/** What security contexts of pods and of containers keep to. https://kubernetes.io/docs/tasks/configure-pod-container/security-context/ */

const profiles = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const highestId = 2_147_483_647;
const longestPath = 4095;
const longestSysctl = 253;
const sysctlPattern = String.raw`^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`;

export const idFaults = (path: string, id: number | undefined): FieldError[] =>
  id !== undefined && (id < 0 || id > highestId) ? [invalid(path, id, outside(0, highestId))] : [];

/** https://kubernetes.io/docs/tutorials/security/seccomp/ */
export function seccompFaults(path: string, profile: Loose): FieldError[] {
  if (!profile) return [];
  const { type, localhostProfile: local } = profile;
  const faults: FieldError[] = [];
  if (!type) faults.push(required(`${path}.type`, 'type is required when seccompProfile is set'));
  else if (!profiles.includes(type)) faults.push(notSupported(`${path}.type`, type, profiles));
  const at = `${path}.localhostProfile`;
  if (type === 'Localhost') {
    if (local === undefined) faults.push(required(at, 'must be set when seccomp type is Localhost'));
    else faults.push(...descendingPathFaults(at, local));
  } else if (local !== undefined) {
    const own = { Type: type ?? '', LocalhostProfile: local };
    faults.push(invalid(at, own, 'can only be set when seccomp type is Localhost'));
  }
  return faults;
}

/** https://kubernetes.io/docs/tutorials/security/apparmor/ */
export function armourFaults(path: string, profile: Loose): FieldError[] {
  if (!profile) return [];
  const { type, localhostProfile: local } = profile;
  if (!type) return [required(`${path}.type`, 'type is required when appArmorProfile is set')];
  if (!profiles.includes(type)) return [notSupported(`${path}.type`, type, profiles)];
  const at = `${path}.localhostProfile`;
  if (type !== 'Localhost')
    return local === undefined ? [] : [invalid(at, local, 'can only be set when AppArmor type is Localhost')];
  if (!local) return [required(at, 'must be set when AppArmor type is Localhost')];
  const faults = local.trim() === local ? [] : [invalid(at, local, 'must not be padded with whitespace')];
  return Buffer.byteLength(local) > longestPath ? [...faults, tooLong(at, longestPath)] : faults;
}

/** `shared` is the pod's spec, of which a part counts as security. */
export function podSecurityFaults(path: string, context: Loose, shared: Loose): FieldError[] {
  const faults = ['fsGroup', 'runAsUser', 'runAsGroup'].flatMap((name) => idFaults(`${path}.${name}`, context[name]));
  for (const [index, id] of (context.supplementalGroups ?? []).entries())
    faults.push(...idFaults(`${path}.supplementalGroups[${index}]`, id));
  if (shared.shareProcessNamespace && shared.hostPID) {
    const sentence = 'ShareProcessNamespace and HostPID cannot both be enabled';
    faults.push(invalid(`${path}.shareProcessNamespace`, true, sentence));
  }
  faults.push(...sysctlFaults(`${path}.sysctls`, context.sysctls ?? [], shared));
  faults.push(
    ...choiceFaults(`${path}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']),
  );
  faults.push(...seccompFaults(`${path}.seccompProfile`, context.seccompProfile));
  faults.push(...armourFaults(`${path}.appArmorProfile`, context.appArmorProfile));
  faults.push(
    ...choiceFaults(`${path}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ['Merge', 'Strict']),
  );
  return faults;
}

const choiceFaults = (path: string, value: string | undefined, allowed: string[]): FieldError[] =>
  value === undefined || allowed.includes(value) ? [] : [notSupported(path, value, allowed)];

/** https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/ */
function sysctlFaults(path: string, list: Loose[], { hostNetwork, hostIPC }: Loose): FieldError[] {
  const seen = new Set<string>();
  return list.flatMap(({ name = '' }, index) => {
    const at = `${path}[${index}].name`;
    const faults: FieldError[] = [];
    if (!name) faults.push(required(at));
    else if (name.length > longestSysctl || !new RegExp(sysctlPattern).test(name)) {
      const sentence = `must have at most ${longestSysctl} characters and match regex ${sysctlPattern}`;
      faults.push(invalid(at, name, sentence));
    } else if (seen.has(name)) faults.push(duplicate(at, name));
    seen.add(name);
    const dotted = name.replaceAll('/', '.');
    if (hostNetwork && dotted.startsWith('net.'))
      faults.push(invalid(at, name, "may not be specified when 'hostNetwork' is true"));
    if (
      hostIPC &&
      /^(kernel\.(sem|shm|shmall|shmmax|shmmni|shm_rmid_forced|msg|msgmax|msgmnb|msgmni)$|fs\.mqueue\.)/.test(dotted)
    )
      faults.push(invalid(at, name, "may not be specified when 'hostIPC' is true"));
    return faults;
  });
}
