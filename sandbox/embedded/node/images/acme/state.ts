import type { JWK } from 'jose';
import type { Identifier, ProblemDocument } from './problem.ts';

/** Times are of the clock, ISO 8601. */
export interface Account {
  id: number;
  key: JWK;
  /** Of the key: RFC 7638. */
  thumbprint: string;
  contact: string[];
  status: 'valid' | 'deactivated' | 'revoked';
  createdAt: string;
}

export interface Challenge {
  type: 'http-01' | 'dns-01';
  status: 'pending' | 'processing' | 'valid' | 'invalid';
  token: string;
  validated?: string;
  error?: ProblemDocument;
  records?: ValidationRecord[];
}

/** What was asked of whom. */
export interface ValidationRecord {
  url?: string;
  hostname: string;
  port?: string;
  addressesResolved?: string[];
  addressUsed?: string;
}

export interface Authorization {
  id: number;
  account: number;
  /** With `*.` for a wildcard. */
  name: string;
  status: 'pending' | 'valid' | 'invalid' | 'deactivated';
  /** When its time began: as it was made, or became valid. */
  since: string;
  expires: string;
  challenges: Challenge[];
}

export interface Order {
  id: number;
  account: number;
  identifiers: Identifier[];
  authorizations: number[];
  since: string;
  expires: string;
  profile?: string;
  replaces?: string;
  /** Its serial number, once it is issued. */
  certificate?: string;
  error?: ProblemDocument;
}

export interface IssuedCertificate {
  serial: string;
  account: number;
  names: string[];
  /** PEM, without the chain. */
  pem: string;
  notBefore: string;
  notAfter: string;
  issuedAt: string;
  revokedAt?: string;
  reason?: number;
  /** The serial number of the one that was ordered in its place. */
  replacedBy?: string;
}

interface Tables {
  account: Account;
  authorization: Authorization;
  order: Order;
  certificate: IssuedCertificate;
  /** Of a rate limit: when it is full again, in milliseconds of the calendar. */
  bucket: number;
}

type Table = keyof Tables;

/** Where the state is kept; what is appended must outlive the process at once. */
export interface Journal {
  read(): string | undefined;
  append(text: string): void;
  replace(text: string): void;
}

const LONG = 2000;

/** All that the server knows, one line of JSON a change; what was answered survives the end of the process. */
export class State {
  readonly #journal: Journal;
  readonly #tables: { [T in Table]: Map<string, Tables[T]> } = {
    account: new Map(),
    authorization: new Map(),
    order: new Map(),
    certificate: new Map(),
    bucket: new Map(),
  };
  #lines = 0;

  /** Reads what was kept. A last line that was cut off was never answered, and is left out. */
  constructor(journal: Journal) {
    this.#journal = journal;
    for (const line of journal.read()?.split('\n') ?? []) {
      if (line === '') continue;
      try {
        const [table, id, value] = JSON.parse(line) as [Table, string, never];
        this.#tables[table].set(id, value);
      } catch {}
    }
    this.#compact();
  }

  get<T extends Table>(table: T, id: string | number): Tables[T] | undefined {
    return this.#tables[table].get(String(id));
  }

  all<T extends Table>(table: T): Tables[T][] {
    return [...this.#tables[table].values()];
  }

  /** Keeps it; throws where it cannot be written, and then nothing has changed. */
  put<T extends Table>(table: T, id: string | number, value: Tables[T]): void {
    this.#journal.append(`${JSON.stringify([table, String(id), value])}\n`);
    this.#tables[table].set(String(id), value);
    this.#lines += 1;
    if (this.#lines > LONG && this.#lines > 4 * this.#size()) this.#compact();
  }

  /** The next number of a table. */
  next(table: 'account' | 'authorization' | 'order'): number {
    return this.#tables[table].size + 1;
  }

  #size(): number {
    return Object.values(this.#tables).reduce((sum, { size }) => sum + size, 0);
  }

  #compact(): void {
    const lines = Object.entries(this.#tables).flatMap(([table, rows]) =>
      [...rows].map(([id, value]) => `${JSON.stringify([table, id, value])}\n`),
    );
    this.#journal.replace(lines.join(''));
    this.#lines = lines.length;
  }
}
