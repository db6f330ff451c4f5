import { type Endpoint, endpointText, labelsFrom, labelsText, newEndpoint, ownerLabel } from './endpoint.ts';
import type { Flags } from './flags.ts';
import { Fatal, type Log } from './log.ts';
import type { Changes } from './plan.ts';
import type { Provider } from './provider.ts';

/** Who owns which record. */
export interface Registry {
  /** Whose records are ours; empty where nobody keeps account. */
  owner: string;
  records(): Promise<Endpoint[]>;
  apply(changes: Changes): Promise<void>;
}

/** Throws what the real one ends with. */
export function createRegistry(flags: Flags, provider: Provider, log: Log): Registry {
  const kind = flags.text('registry');
  if (kind === 'noop') return { owner: '', records: provider.records, apply: provider.apply };
  if (kind === 'txt') return textRegistry(flags, provider, log);
  throw new Fatal(`registry ${kind} is not part of this simulated external-dns: use txt or noop`);
}

const forceUpdate = 'txt/force-update';
const supported = ['A', 'AAAA', 'CNAME', 'NS', 'MX'];

/** Ownership is told by TXT records beside each record. https://kubernetes-sigs.github.io/external-dns/v0.20.0/docs/registry/txt/ */
function textRegistry(flags: Flags, provider: Provider, log: Log): Registry {
  const owner = flags.text('txt-owner-id');
  if (owner === '') throw new Fatal('owner id cannot be empty');
  if (flags.is('txt-encrypt-enabled'))
    throw new Fatal('encrypted TXT records are not part of this simulated external-dns');
  const names = createNames(flags.text('txt-prefix'), flags.text('txt-suffix'), flags.text('txt-wildcard-replacement'));
  const oldOwner = flags.text('migrate-from-txt-owner');
  const managed = flags
    .list('managed-record-types')
    .filter((type) => !flags.list('exclude-record-types').includes(type));
  let existing = new Set<string>();
  const keyOf = (name: string, set: string) => `${name} ${set}`;

  function textRecord(endpoint: Endpoint): Endpoint[] {
    if (oldOwner && endpoint.labels[ownerLabel] === oldOwner) endpoint.labels[ownerLabel] = owner;
    const text = newEndpoint(
      names.toText(endpoint.dnsName, typeOf(endpoint)),
      'TXT',
      0,
      [labelsText(endpoint.labels)],
      log,
    );
    if (!text) return [];
    const { setIdentifier, providerSpecific, dnsName } = endpoint;
    return [{ ...text, setIdentifier, providerSpecific, labels: { ownedRecord: dnsName } }];
  }

  const owned = (endpoints: Endpoint[]) => ownedBy(owner, endpoints, log);
  const withText = (endpoints: Endpoint[]) => [...endpoints, ...endpoints.flatMap(textRecord)];

  return {
    owner,
    async records() {
      existing = new Set();
      const found: Endpoint[] = [];
      const labels = new Map<string, Record<string, string>>();
      const texts = new Set<string>();
      for (const record of await provider.records()) {
        if (record.recordType === 'TXT') {
          if (record.targets.length === 0) {
            log.error(`TXT record has no targets ${record.dnsName}`);
            continue;
          }
          const told = labelsFrom(record.targets[0]!);
          if (told) {
            const { name, type } = names.toEndpoint(record.dnsName);
            labels.set(`${name} ${type} ${record.setIdentifier}`, told);
            texts.add(record.dnsName);
            existing.add(keyOf(record.dnsName, record.setIdentifier));
            continue;
          }
        }
        found.push(record);
      }
      for (const endpoint of found) {
        const name = names.replaced(endpoint.dnsName);
        const told =
          labels.get(`${name} ${typeOf(endpoint)} ${endpoint.setIdentifier}`) ??
          (endpoint.recordType === 'AAAA' ? undefined : labels.get(`${name}  ${endpoint.setIdentifier}`));
        Object.assign(endpoint.labels, told);
        if (oldOwner && endpoint.labels[ownerLabel] === oldOwner) endpoint.labels[ownerLabel] = owner;
        const lacks =
          texts.size > 0 &&
          endpoint.labels[ownerLabel] === owner &&
          managed.includes(endpoint.recordType) &&
          textRecord(endpoint).some((text) => !texts.has(text.dnsName));
        if (lacks) endpoint.providerSpecific = [...endpoint.providerSpecific, { name: forceUpdate, value: 'true' }];
      }
      return found;
    },
    apply({ create, updateOld, updateNew, delete: gone }) {
      for (const endpoint of create) endpoint.labels[ownerLabel] = owner;
      const made = create.flatMap(textRecord).filter((text) => !existing.has(keyOf(text.dnsName, text.setIdentifier)));
      return provider.apply({
        create: [...create, ...made],
        updateOld: withText(owned(updateOld)),
        updateNew: withText(owned(updateNew)),
        delete: withText(owned(gone)),
      });
    },
  };
}

function typeOf({ recordType, providerSpecific }: Endpoint): string {
  const alias = providerSpecific.some(({ name, value }) => name === 'alias' && value === 'true');
  return alias && recordType === 'A' ? 'CNAME' : recordType;
}

/** Those of an owner; of the others, why not. */
export function ownedBy(owner: string, endpoints: Endpoint[], log: Log): Endpoint[] {
  return endpoints.filter((endpoint) => {
    const found = endpoint.labels[ownerLabel];
    if (found === owner) return true;
    log.debug(
      found === undefined
        ? `Skipping endpoint ${endpointText(endpoint)} because of missing owner label (required: "${owner}")`
        : `Skipping endpoint ${endpointText(endpoint)} because owner id does not match (found: "${found}", required: "${owner}")`,
    );
    return false;
  });
}

const template = '%{record_type}';

/** How records of ownership are named: `a-web.example.org` for the A records of `web.example.org`. */
function createNames(prefixText: string, suffixText: string, wildcardText: string) {
  const [prefix, suffix, wildcard] = [prefixText, suffixText, wildcardText].map((text) => text.toLowerCase()) as [
    string,
    string,
    string,
  ];
  const templated = prefix.includes(template) || suffix.includes(template);
  const replaced = (name: string) => (wildcard && name.startsWith('*.') ? `${wildcard}${name.slice(1)}` : name);
  const typeFirst = (name: string) => {
    const type = supported.find((candidate) => name.startsWith(`${candidate.toLowerCase()}-`));
    return type ? { name: name.slice(type.length + 1), type } : { name, type: '' };
  };

  function bare(name: string): { name: string; type: string } {
    if (templated) {
      for (const type of supported) {
        const [before, after] = [prefix, suffix].map((text) => text.replaceAll(template, type.toLowerCase())) as [
          string,
          string,
        ];
        if (!suffix && name.startsWith(before)) return { name: name.slice(before.length), type };
        if (suffix && !prefix && name.endsWith(after)) return { name: name.slice(0, name.length - after.length), type };
      }
    }
    const [before, after] = [prefix, suffix].map((text) => text.replaceAll(template, '')) as [string, string];
    if (!suffix && name.startsWith(before)) return typeFirst(name.slice(before.length));
    if (suffix && !prefix && name.endsWith(after)) return typeFirst(name.slice(0, name.length - after.length));
    return { name: '', type: '' };
  }

  return {
    replaced,
    toText(name: string, recordType: string): string {
      const type = recordType.toLowerCase();
      const [before, after] = [prefix, suffix].map((text) => text.replaceAll(template, type));
      const [first = '', ...rest] = replaced(name).split('.');
      const own = `${before}${templated ? '' : `${type}-`}${first}${after}`;
      return [own, ...rest].join('.');
    },
    toEndpoint(text: string): { name: string; type: string } {
      const name = text.toLowerCase();
      if (!suffix) return bare(name);
      const dots = suffix.split('.').length - 1;
      const labels = name.split('.');
      const { name: own, type } = bare(labels.slice(0, 1 + dots).join('.'));
      return { name: labels.length > 1 + dots ? `${own}.${labels.slice(1 + dots).join('.')}` : own, type };
    },
  };
}
