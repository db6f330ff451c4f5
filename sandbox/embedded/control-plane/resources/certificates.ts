import { isDeepStrictEqual } from 'node:util';
import { dns1123Label, dns1123Subdomain } from '../../../../kubernetes/names.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { humanDuration } from '../apiserver/human-duration.ts';
import { stamp } from '../apiserver/stamp.ts';
import { readCertificateRequest } from '../certificate-request.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '../schema/field-errors.ts';
import { ageOf, nameOf } from './cells.ts';
import type { FieldError, Strategy } from './strategy.ts';

const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

const decisions = ['Approved', 'Denied'];
const onlyTrue = [...decisions, 'Failed'];

function signingState({ status }: KubeObject): string {
  const has = (kind: string) => (status?.conditions ?? []).some(({ type }: Loose) => type === kind);
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return decision + (has('Failed') ? ',Failed' : '') + (status?.certificate ? ',Issued' : '');
}

function signerFaults(name: string): FieldError[] {
  const field = 'spec.signerName';
  if (!name) return [required(field)];
  if (name === 'kubernetes.io/legacy-unknown')
    return [invalid(field, name, 'the legacy signerName is not allowed via this API version')];
  const segments = name.split('/');
  const [domain = '', path = ''] = segments;
  if (segments.length !== 2)
    return [invalid(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")];
  const labels = domain.split('.');
  const wrong = (value: string, parts: string[], check: (text: string) => string[]): FieldError[] => {
    const label = parts.find((part) => check(part).length > 0);
    if (label === undefined) return [];
    return check(label).map((why) => invalid(field, value, `validating label ${JSON.stringify(label)}: ${why}`));
  };
  return [
    ...wrong(domain, labels, dns1123Label),
    ...(labels.length < 2
      ? [invalid(field, domain, 'should be a domain with at least two segments separated by dots')]
      : []),
    ...wrong(path, path.split('.'), dns1123Subdomain),
  ];
}

function conditionFaults({ status }: KubeObject): FieldError[] {
  const at = 'status.conditions';
  const faults: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, { type = '', status: state = '' }] of (status?.conditions ?? []).entries()) {
    if (!type) faults.push(required(`${at}[${index}].type`));
    const allowed = onlyTrue.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (!state) faults.push(required(`${at}[${index}].status`));
    else if (!allowed.includes(state)) faults.push(notSupported(`${at}[${index}].status`, state, allowed));
    const other = decisions.find((one) => one !== type);
    if (decisions.includes(type) && other && seen.has(other))
      faults.push(invalid(at, type, 'Approved and Denied conditions are mutually exclusive'));
    if (seen.has(type)) faults.push(duplicate(`${at}[${index}].type`, type));
    seen.add(type);
  }
  return faults;
}

const ofType = ({ status }: KubeObject, kind: string): Loose[] =>
  (status?.conditions ?? []).filter(({ type }: Loose) => type === kind);

function removedConditions(request: KubeObject, old: KubeObject): FieldError[] {
  return onlyTrue
    .filter((type) => ofType(request, type).length < ofType(old, type).length)
    .map((type) =>
      forbidden('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`),
    );
}

/** Times are the server's where the client says none. */
function dateConditions({ status }: KubeObject, old: KubeObject, now: Date): void {
  for (const condition of status?.conditions ?? []) {
    condition.lastUpdateTime ||= stamp(now);
    const before = ofType(old, condition.type).find((one) => one.status === condition.status);
    condition.lastTransitionTime ||= before?.lastTransitionTime ?? stamp(now);
  }
}

export const certificateSigningRequests: Strategy = {
  nameFormat: 'path',
  generationFields: [],
  prepareForCreate(request, { user }) {
    const { username: _name, uid: _uid, groups: _groups, extra: _extra, ...spec } = request.spec ?? {};
    request.spec = spec;
    if (user) {
      spec.username = user.name;
      if (user.uid) spec.uid = user.uid;
      spec.groups = user.groups;
      if (user.extra && Object.keys(user.extra).length > 0) spec.extra = user.extra;
    }
    request.status = {};
  },
  /** Nothing but metadata and what a subresource is about. */
  prepareForUpdate(request, old, { now }) {
    request.spec = old.spec;
    dateConditions(request, old, now);
  },
  prepareForStatusUpdate(request, old, { now }) {
    for (const type of decisions) {
      const [mine, theirs] = [ofType(request, type), ofType(old, type)];
      if (mine.length !== theirs.length) continue;
      for (const [index, condition] of mine.entries()) Object.assign(condition, theirs[index]);
    }
    dateConditions(request, old, now);
  },
  validate(request) {
    const faults: FieldError[] = [];
    const { spec } = request;
    try {
      readCertificateRequest(Buffer.from(spec.request ?? '', 'base64'));
    } catch (error) {
      faults.push(invalid('spec.request', spec.request ?? '', (error as Error).message));
    }
    if (!spec.usages?.length) faults.push(required('spec.usages'));
    for (const [index, usage] of (spec.usages ?? []).entries())
      if (!usages.includes(usage)) faults.push(notSupported(`spec.usages[${index}]`, usage, usages));
    for (const [index, usage] of (spec.usages ?? []).entries())
      if (spec.usages.indexOf(usage) < index) faults.push(duplicate(`spec.usages[${index}]`, usage));
    faults.push(...signerFaults(spec.signerName ?? ''));
    if (spec.expirationSeconds !== undefined && spec.expirationSeconds < 600)
      faults.push(
        invalid(
          'spec.expirationSeconds',
          spec.expirationSeconds,
          'may not specify a duration less than 600 seconds (10 minutes)',
        ),
      );
    return [...faults, ...conditionFaults(request)];
  },
  validateUpdate: removedConditions,
  validateStatusUpdate(request, old) {
    const faults = [...conditionFaults(request), ...removedConditions(request, old)];
    for (const type of decisions) {
      const [mine, theirs] = [ofType(request, type), ofType(old, type)];
      const quoted = JSON.stringify(type);
      if (mine.length > theirs.length)
        faults.push(forbidden('status.conditions', `updates may not add a condition of type ${quoted}`));
      else if (mine.length === theirs.length && !isDeepStrictEqual(mine, theirs))
        faults.push(forbidden('status.conditions', `updates may not modify a condition of type ${quoted}`));
    }
    const [certificate, before] = [request.status?.certificate, old.status?.certificate];
    const fault = certificate && certificateFault(Buffer.from(certificate, 'base64').toString('latin1'));
    if (fault) faults.push(invalid('status.certificate', '<certificate data>', fault));
    if (before && certificate !== before)
      faults.push(forbidden('status.certificate', 'updates may not modify existing certificate content'));
    return faults;
  },
  cells: (request, now) => [
    nameOf(request),
    ageOf(request, now),
    request.spec.signerName || '<none>',
    request.spec.username ?? '',
    request.spec.expirationSeconds === undefined ? '<none>' : humanDuration(request.spec.expirationSeconds * 1000),
    signingState(request),
  ],
  selectableFields: { 'spec.signerName': ({ spec }) => spec.signerName ?? '' },
};

function certificateFault(text: string): string {
  const blocks = [...text.matchAll(/-----BEGIN ([^-]+)-----/g)].map(([, type]) => type);
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  const other = blocks.find((type) => type !== 'CERTIFICATE');
  return other ? `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(other)}` : '';
}
