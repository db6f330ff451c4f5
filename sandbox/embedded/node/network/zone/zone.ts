import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../clock.ts';
import type { DnsReply } from '../dns-records.ts';
import { indexRecords, lookupIn } from './lookup.ts';
import { checkedRecord, plainName, ZoneError, type ZoneRecord } from './records.ts';

export interface ZoneOptions {
  /** `learner.localhost` */
  domain: string;
  /** Where the records are kept. */
  file: string;
  clock: Clock;
  log?: (message: string) => void;
}

export interface ZoneChange {
  create?: ZoneRecord[];
  /** As they are to be. */
  update?: ZoneRecord[];
  delete?: ZoneRecord[];
}

/** The DNS zone of one learner. */
export interface Zone {
  readonly domain: string;
  /** By name, then type. */
  list(): ZoneRecord[];
  /** What an authoritative server answers; `type` as DNS spells it, `A` or `ANY`. */
  lookup(name: string, type: string): DnsReply;
  /** All of it or nothing; on disk when it returns. Throws {@link ZoneError} for what cannot be, else the file system's error. */
  change(change: ZoneChange): void;
  /** Called after each change. Returns how to stop. */
  on(listener: () => void): () => void;
}

/** The name server of every zone; the cluster knows it by this name. */
export const zoneHost = 'zone.atelier.internal';
/** In the network of every cluster, each its own. */
export const zoneAddress = '10.99.2.1';

const keyOf = ({ name, type, setIdentifier = '' }: ZoneRecord): string => `${plainName(name)} ${type} ${setIdentifier}`;
const named = (a: ZoneRecord, b: ZoneRecord): number =>
  a.name === b.name ? (a.type < b.type ? -1 : 1) : a.name < b.name ? -1 : 1;

/**
 * Opens a zone with the records its file holds. A file that is none is set aside, and that is logged; one that cannot
 * be read makes every question and every change throw, so that nobody takes silence for "no such name".
 */
export function createZone(options: ZoneOptions): Zone {
  const { file, log = () => {} } = options;
  const domain = plainName(options.domain);
  let kept: Pick<Kept, 'serial' | 'records'>;
  try {
    kept = read(file, domain, log);
  } catch (error) {
    log(`${file}: ${(error as Error).message}`);
    const fail = () => {
      throw error;
    };
    return { domain, list: fail, lookup: fail, change: fail, on: () => () => {} };
  }
  let records = new Map(kept.records.map((record) => [keyOf(record), record]));
  let serial = kept.serial;
  let index = indexRecords(records.values(), domain);
  const listeners = new Set<() => void>();
  return {
    domain,
    list: () => [...records.values()].sort(named),
    lookup: (name, type) => lookupIn(index, { domain, host: zoneHost, serial }, name, type),
    change(change) {
      const next = new Map(records);
      for (const record of change.delete ?? []) next.delete(keyOf(record));
      for (const record of [...(change.create ?? []), ...(change.update ?? [])]) {
        const checked = checkedRecord(record, domain);
        next.set(keyOf(checked), checked);
      }
      const nextIndex = indexRecords(next.values(), domain);
      for (const [name, sets] of nextIndex) {
        const aliases = sets.get('CNAME');
        if (aliases && (sets.size > 1 || aliases.length > 1))
          throw new ZoneError(`${name}: an alias can have no records beside it (RFC 1034, 3.6.2)`);
      }
      if (isDeepStrictEqual(next, records)) return;
      write(file, {
        domain,
        serial: serial + 1,
        saved: options.clock.now().toISOString(),
        records: [...next.values()],
      });
      records = next;
      index = nextIndex;
      serial += 1;
      for (const listener of listeners) listener();
    },
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

interface Kept {
  domain: string;
  serial: number;
  saved: string;
  records: ZoneRecord[];
}

/** The whole file anew, or the old one: what was acknowledged outlives the process and the machine. */
function write(file: string, content: Kept): void {
  const partial = `${file}.part`;
  const handle = openSync(partial, 'w', 0o600);
  try {
    writeSync(handle, JSON.stringify(content));
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(partial, file);
}

function read(file: string, domain: string, log: (message: string) => void): Pick<Kept, 'serial' | 'records'> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { serial: 1, records: [] };
    throw error;
  }
  try {
    const kept = JSON.parse(text) as Kept;
    // Another domain than last time: what belongs to the old one is nobody's any more.
    const ours = kept.domain === domain ? kept.records : [];
    return { serial: kept.serial, records: ours.map((record) => checkedRecord(record, domain)) };
  } catch (error) {
    log(`${file}: not a zone (${(error as Error).message}); set aside as ${file}.broken`);
    renameSync(file, `${file}.broken`);
    return { serial: 1, records: [] };
  }
}
