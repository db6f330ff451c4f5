import type { ResourceCall } from './call.ts';
import { notImplemented } from './errors.ts';

/** What Kubernetes does and this cluster does not: refused with 501, or without effect, and said so here. */
const gaps: { what: string; why: string }[] = [];

/** Not refused, but without the effect a full cluster gives them. */
const quiet: { what: string; why: string }[] = [
  { what: 'services: ports of protocol UDP and SCTP', why: 'stored; of UDP the cluster’s DNS alone is carried' },
  { what: 'flowschemas, prioritylevelconfigurations', why: 'stored; requests are not queued' },
  { what: 'resource.k8s.io', why: 'stored; no driver allocates devices' },
];

const refused = new Set(gaps.map((gap) => gap.what));

/** Throws 501 for a write that would look as if it had an effect. */
export function refuseGap({ type, info }: ResourceCall): void {
  const what = info.subresource ? `${type.resource}/${info.subresource}` : type.resource;
  if (!refused.has(what) || type.definition) return;
  if (info.verb === 'create' || info.verb === 'update' || info.verb === 'patch') throw notImplemented(what);
}

/** For `--gaps`. */
export const gapsText = (): string =>
  [
    ...(gaps.length > 0 ? ['Refused with 501 NotImplemented:'] : []),
    ...gaps.map(({ what, why }) => `  ${what}: ${why}`),
    'Accepted, but without effect:',
    ...quiet.map(({ what, why }) => `  ${what}: ${why}`),
    '',
  ].join('\n');
