import type { KubeObject } from '../../../../kubernetes/object.ts';

/** One stored state of one object. Never changed: a write makes a new one, so everybody may share it. */
export class Entry {
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  /** As it is on the wire and on disk; encoded once for all readers. */
  readonly json: string;
  #object: KubeObject | undefined;

  constructor(namespace: string, name: string, revision: number, json: string, object?: KubeObject) {
    this.namespace = namespace;
    this.name = name;
    this.revision = revision;
    this.json = json;
    this.#object = object;
  }

  /** To be read only. */
  get object(): KubeObject {
    this.#object ??= JSON.parse(this.json) as KubeObject;
    return this.#object;
  }

  /** Past states are kept for watches, but seldom read: their objects are parsed again then. */
  forget(): void {
    this.#object = undefined;
  }
}

/** One step of the history of a collection. */
export class Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly entry: Entry;
  readonly previous: Entry | undefined;
  #line: Buffer | undefined;

  constructor(type: Change['type'], entry: Entry, previous: Entry | undefined) {
    this.type = type;
    this.entry = entry;
    this.previous = previous;
  }

  get revision(): number {
    return this.entry.revision;
  }

  /** The watch event, encoded once for all watchers. */
  get line(): Buffer {
    this.#line ??= encodeEvent(this.type, this.entry.json);
    return this.#line;
  }

  /** Everybody who watches has it: who asks later has it encoded anew. */
  settle(): void {
    this.#line = undefined;
  }
}

export function encodeEvent(type: string, json: string): Buffer {
  return Buffer.from(`{"type":"${type}","object":${json}}\n`);
}
