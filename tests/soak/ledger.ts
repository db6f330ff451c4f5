import type { Loose } from '../../kubernetes/object.ts';

/** What a writer put into an object: its sequence number stands in three places, so that half a write shows. */
export interface State {
  sequence: number;
  revision: number;
}

/** What is known of one object. */
interface Account {
  /** The last state the server acknowledged; undefined for none. */
  acknowledged: State | undefined;
  /** What was asked for last, without an answer yet: a sequence number, or its removal. */
  asked: number | 'gone' | undefined;
  /** The newest state anybody was shown, as a reader or watcher. */
  shown: (State & { gone: boolean }) | undefined;
}

/** What clients were told, held against what is there. */
export class Ledger {
  readonly #accounts = new Map<string, Account>();
  /** The highest resourceVersion anybody was told. */
  newest = 0;
  acknowledgements = 0;
  /** Writes without an answer: done, and not done. */
  doneInSilence = 0;
  undone = 0;

  #of(name: string): Account {
    let account = this.#accounts.get(name);
    if (!account) {
      account = { acknowledged: undefined, asked: undefined, shown: undefined };
      this.#accounts.set(name, account);
    }
    return account;
  }

  names(): string[] {
    return [...this.#accounts.keys()];
  }

  known(name: string): State | undefined {
    return this.#of(name).acknowledged;
  }

  ask(name: string, what: number | 'gone'): void {
    this.#of(name).asked = what;
  }

  /** An answer came; `object` is what is stored now, undefined for nothing. Returns a fault. */
  answered(name: string, object: Loose | undefined): string | undefined {
    const account = this.#of(name);
    account.asked = undefined;
    const before = account.acknowledged;
    account.acknowledged = object && stateOf(object);
    this.acknowledgements++;
    if (!account.acknowledged) return undefined;
    const { revision } = account.acknowledged;
    this.newest = Math.max(this.newest, revision);
    if (before && revision <= before.revision) return `${name}: revision ${revision} after ${before.revision}`;
    return undefined;
  }

  /** Refused: nothing was changed. */
  refused(name: string): void {
    this.#of(name).asked = undefined;
  }

  /** A reader or a watcher was shown this state. Returns a fault. */
  show(object: Loose, gone = false): string | undefined {
    const name: string = object.metadata.name;
    const account = this.#of(name);
    const state = { ...stateOf(object), gone };
    this.newest = Math.max(this.newest, state.revision);
    const { shown } = account;
    if (shown && state.revision < shown.revision) return undefined;
    account.shown = state;
    if (!isWhole(object)) return `${name}: half a write was shown`;
    if (shown?.revision === state.revision && shown.sequence !== state.sequence)
      return `${name}: revision ${state.revision} was ${shown.sequence} and is ${state.sequence}`;
    return undefined;
  }

  /** After a crash: what is there becomes what is known. Returns every fault. */
  settle(objects: Loose[], listRevision: number): string[] {
    const faults: string[] = [];
    if (listRevision < this.newest) faults.push(`the list is of ${listRevision}, but ${this.newest} was told`);
    const there = new Map<string, Loose>(objects.map((object) => [object.metadata.name, object]));
    for (const [name, account] of this.#accounts) {
      const object = there.get(name);
      there.delete(name);
      const fault = faultOf(name, account, object);
      if (fault) faults.push(fault);
      if (account.asked !== undefined) {
        const done = account.asked === 'gone' ? !object : object && stateOf(object).sequence === account.asked;
        if (done) this.doneInSilence++;
        else this.undone++;
      }
      account.acknowledged = object && stateOf(object);
      account.asked = undefined;
      account.shown = undefined;
    }
    for (const name of there.keys()) faults.push(`${name} is there, and nobody made it`);
    this.newest = Math.max(this.newest, listRevision);
    return faults;
  }
}

export function stateOf(object: Loose): State {
  return { sequence: Number(object.data?.sequence ?? 0), revision: Number(object.metadata.resourceVersion) };
}

function isWhole({ metadata, data }: Loose): boolean {
  return data?.sequence === data?.copy && data?.sequence === metadata.labels?.sequence;
}

function faultOf(name: string, account: Account, object: Loose | undefined): string | undefined {
  const { acknowledged, asked, shown } = account;
  if (!object) {
    if (asked === 'gone' || !acknowledged) {
      const visible = shown && !shown.gone && shown.revision > (acknowledged?.revision ?? 0) && asked !== 'gone';
      return visible ? `${name} was shown at ${shown.revision} and is gone` : undefined;
    }
    return `${name} is lost: ${acknowledged.sequence} was acknowledged at ${acknowledged.revision}`;
  }
  if (!isWhole(object)) return `${name} is half of a write: ${JSON.stringify(object)}`;
  const { sequence, revision } = stateOf(object);
  if (shown && revision < shown.revision) return `${name} is of ${revision}, but was shown at ${shown.revision}`;
  if (acknowledged && sequence === acknowledged.sequence && revision === acknowledged.revision) return undefined;
  if (sequence === asked && revision > (acknowledged?.revision ?? 0)) return undefined;
  const known = acknowledged ? `${acknowledged.sequence} at ${acknowledged.revision}` : 'nothing';
  return `${name} is ${sequence} at ${revision}; acknowledged was ${known}, asked for ${asked ?? 'nothing'}`;
}
