import { domainToASCII } from 'node:url';
import { type Endpoint, endpointText, lessTargets, ownerLabel, resourceLabel, sameTargets } from './endpoint.ts';
import type { Log } from './log.ts';
import { ownedBy } from './registry.ts';

export interface Changes {
  create: Endpoint[];
  updateOld: Endpoint[];
  updateNew: Endpoint[];
  delete: Endpoint[];
}

export interface PlanOptions {
  current: Endpoint[];
  desired: Endpoint[];
  /** `sync`, `upsert-only` or `create-only`. */
  policy: string;
  matches: (name: string) => boolean;
  /** Types of records that are ours to change. */
  managed: string[];
  /** Empty where nobody keeps account. */
  owner: string;
  oldOwner: string;
  log: Log;
}

interface OfType {
  current?: Endpoint;
  candidates: Endpoint[];
}

interface Row {
  name: string;
  current: Endpoint[];
  candidates: Endpoint[];
  types: Map<string, OfType>;
}

/** What leads from the records that are there to those that are wanted. https://kubernetes-sigs.github.io/external-dns/v0.20.0/docs/faq/ */
export function planChanges(options: PlanOptions): Changes {
  const { owner, log } = options;
  const changes: Changes = { create: [], updateOld: [], updateNew: [], delete: [] };
  for (const row of rowsOf(options)) {
    const types = resolveTypes(row, log);
    if (row.current.length === 0) {
      for (const { candidates } of types) if (candidates.length > 0) changes.create.push(least(candidates));
      continue;
    }
    if (row.candidates.length === 0) {
      changes.delete.push(...row.current);
      continue;
    }
    const creates: Endpoint[] = [];
    for (const { current, candidates } of types) {
      if (current && candidates.length === 0) changes.delete.push(current);
      if (!current && candidates.length > 0) creates.push(least(candidates));
      if (!current || candidates.length === 0) continue;
      const wanted = chosen(current, candidates);
      if (!differs(wanted, current, options.oldOwner)) continue;
      changes.updateNew.push({
        ...wanted,
        labels: { ...wanted.labels, [ownerLabel]: current.labels[ownerLabel] ?? '' },
      });
      changes.updateOld.push(current);
    }
    if (creates.length === 0) continue;
    const foreign = row.current.filter((endpoint) => owner !== '' && endpoint.labels[ownerLabel] !== owner);
    if (foreign.length === 0) changes.create.push(...creates);
    else {
      for (const endpoint of row.current)
        log.debug(
          `Skipping endpoint ${endpointText(endpoint)} because owner id does not match for one or more items to create, found: "${endpoint.labels[ownerLabel] ?? ''}", required: "${owner}"`,
        );
    }
  }
  return ownChanges(permitted(changes, options.policy), owner, log);
}

export const hasChanges = ({ create, updateOld, updateNew, delete: gone }: Changes): boolean =>
  create.length + gone.length > 0 || JSON.stringify(updateOld) !== JSON.stringify(updateNew);

function permitted(changes: Changes, policy: string): Changes {
  if (policy === 'upsert-only') return { ...changes, delete: [] };
  return policy === 'create-only' ? { ...changes, updateOld: [], updateNew: [], delete: [] } : changes;
}

/** What others own stays as it is. */
function ownChanges(changes: Changes, owner: string, log: Log): Changes {
  if (owner === '') return changes;
  const seen = new Set<string>();
  return {
    create: changes.create,
    delete: ownedBy(owner, changes.delete, log).filter((endpoint) => {
      const key = `${endpoint.dnsName} ${endpoint.recordType} ${endpoint.setIdentifier}`;
      if (seen.has(key)) log.debug(`Skipping duplicated endpoint: ${endpointText(endpoint)}`);
      return !seen.has(key) && Boolean(seen.add(key));
    }),
    updateOld: ownedBy(owner, changes.updateOld, log),
    updateNew: ownedBy(owner, changes.updateNew, log),
  };
}

function rowsOf({ current, desired, matches, managed, log }: PlanOptions): Row[] {
  const rows = new Map<string, Row>();
  const relevant = (endpoint: Endpoint): boolean => {
    if (matches(endpoint.dnsName)) return managed.includes(endpoint.recordType);
    log.debug(`ignoring record ${endpoint.dnsName} that does not match domain filter`);
    return false;
  };
  const place = (endpoint: Endpoint): { row: Row; type: OfType } => {
    const name = canonicalName(endpoint.dnsName);
    const key = `${name} ${endpoint.setIdentifier}`;
    const row = rows.get(key) ?? { name, current: [], candidates: [], types: new Map() };
    rows.set(key, row);
    const type = row.types.get(endpoint.recordType) ?? { candidates: [] };
    row.types.set(endpoint.recordType, type);
    return { row, type };
  };
  for (const endpoint of current.filter(relevant)) {
    const { row, type } = place(endpoint);
    row.current.push(endpoint);
    type.current = endpoint;
  }
  for (const endpoint of desired.filter(relevant)) {
    const { row, type } = place(endpoint);
    row.candidates.push(endpoint);
    type.candidates.push(endpoint);
  }
  return [...rows.values()];
}

/** One name however it is written: in ASCII, with the last dot. */
function canonicalName(name: string): string {
  const trimmed = name.trim();
  const ascii = /^[\x20-\x7f]*$/.test(trimmed) ? trimmed.toLowerCase() : domainToASCII(trimmed) || trimmed;
  return ascii.endsWith('.') ? ascii : `${ascii}.`;
}

/** An alias can have no records beside it: where both are wanted, it gives way. */
function resolveTypes({ name, candidates, types }: Row, log: Log): OfType[] {
  const aliases = candidates.filter(({ recordType }) => recordType === 'CNAME').length;
  if (candidates.length <= 1 || aliases === 0 || aliases === candidates.length) return [...types.values()];
  log.info(`Domain ${name} contains conflicting record type candidates; discarding CNAME record`);
  return [...types].map(([type, records]) => (type === 'CNAME' ? { ...records, candidates: [] } : records));
}

const least = (candidates: Endpoint[]): Endpoint =>
  candidates.reduce((best, candidate) => (lessTargets(candidate.targets, best.targets) ? candidate : best));

/** The object that has the name keeps it. */
function chosen(current: Endpoint, candidates: Endpoint[]): Endpoint {
  const sorted = [...candidates].sort((a, b) =>
    lessTargets(a.targets, b.targets) ? -1 : lessTargets(b.targets, a.targets) ? 1 : 0,
  );
  const holder = current.labels[resourceLabel];
  return sorted.find(({ labels }) => labels[resourceLabel] === holder) ?? least(sorted);
}

function differs(wanted: Endpoint, current: Endpoint, oldOwner: string): boolean {
  if (wanted.recordTTL > 0 && wanted.recordTTL !== current.recordTTL) return true;
  if (!sameTargets(wanted.targets, current.targets)) return true;
  if (oldOwner && current.labels[ownerLabel] !== oldOwner) return true;
  const properties = (endpoint: Endpoint) =>
    endpoint.providerSpecific.map(({ name, value }) => `${name}=${value}`).sort();
  return properties(wanted).join('\n') !== properties(current).join('\n');
}
