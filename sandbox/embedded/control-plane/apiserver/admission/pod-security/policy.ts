import type { FieldError } from '../../../resources/strategy.ts';
import { invalid } from '../../../schema/field-errors.ts';

export type Level = 'privileged' | 'baseline' | 'restricted';

/** `minor` is Infinity for `latest`. */
export interface LevelVersion {
  level: Level;
  minor: number;
}

export interface Policy {
  enforce: LevelVersion;
  audit: LevelVersion;
  warn: LevelVersion;
}

const levels: readonly string[] = ['privileged', 'baseline', 'restricted'] satisfies Level[];
const prefix = 'pod-security.kubernetes.io/';

/** -1, 0 or 1: how strict the one is beside the other. */
export const compareLevels = (one: Level, other: Level): number =>
  Math.sign(levels.indexOf(one) - levels.indexOf(other));

/** `restricted:latest` */
export const shownPolicy = ({ level, minor }: LevelVersion): string =>
  `${level}:${Number.isFinite(minor) ? `v1.${minor}` : 'latest'}`;

/**
 * What a namespace's labels ask for; there is always an answer, also where they are wrong.
 * https://kubernetes.io/docs/concepts/security/pod-security-admission/#pod-security-admission-labels-for-namespaces
 */
export function policyOf(labels: Record<string, string> = {}): { policy: Policy; faults: FieldError[] } {
  const faults: FieldError[] = [];
  const policy = {} as Policy;
  for (const mode of ['enforce', 'audit', 'warn'] as const) {
    const level = labels[prefix + mode];
    const version = labels[`${prefix}${mode}-version`];
    policy[mode] = { level: 'privileged', minor: Number.POSITIVE_INFINITY };
    if (level !== undefined) {
      if (levels.includes(level)) policy[mode].level = level as Level;
      else {
        // Enforcing fails closed, the other two open.
        if (mode === 'enforce') policy[mode].level = 'restricted';
        faults.push(invalid(`metadata.labels[${prefix}${mode}]`, level, `must be one of ${levels.join(', ')}`));
      }
    }
    if (version === undefined || version === 'latest') continue;
    const minor = /^v1\.(\d|[1-9]\d*)$/.exec(version)?.[1];
    if (minor !== undefined) policy[mode].minor = Number(minor);
    else faults.push(invalid(`metadata.labels[${prefix}${mode}-version]`, version, 'must be "latest" or "v1.x"'));
  }
  const { enforce, warn } = policy;
  const enforced = labels[`${prefix}enforce`];
  // Who enforces is warned as well, about what makes pods.
  if (labels[`${prefix}warn`] === undefined && enforced !== undefined && levels.includes(enforced)) {
    if (compareLevels(enforce.level, warn.level) > 0) {
      warn.level = enforce.level;
      if (labels[`${prefix}warn-version`] === undefined) warn.minor = enforce.minor;
    }
  }
  return { policy, faults };
}
