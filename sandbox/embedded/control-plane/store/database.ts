import { DatabaseSync } from 'node:sqlite';

export interface Row {
  collection: string;
  namespace: string;
  name: string;
  revision: number;
  json: string;
}

export interface Write {
  collection: string;
  namespace: string;
  name: string;
  revision: number;
  /** Absent: the object is gone. */
  json?: string;
}

/**
 * Objects on disk. WAL with synchronous=NORMAL: a committed batch is in the kernel's hands, so it survives the end of
 * this process, however it ends; only a power cut may cost the last moments.
 */
export class Database {
  readonly #database: DatabaseSync;
  readonly #upsert;
  readonly #remove;
  readonly #mark;

  constructor(file: string) {
    this.#database = new DatabaseSync(file);
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA wal_autocheckpoint = 2000;
      PRAGMA cache_size = -256;
      CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, revision INTEGER NOT NULL, json TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 0), revision INTEGER NOT NULL);
      INSERT OR IGNORE INTO counter VALUES (0, 1);
    `);
    this.#upsert = this.#database.prepare(
      'INSERT INTO objects VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, json = excluded.json',
    );
    this.#remove = this.#database.prepare('DELETE FROM objects WHERE key = ?');
    this.#mark = this.#database.prepare('UPDATE counter SET revision = ?');
  }

  revision(): number {
    const row = this.#database.prepare('SELECT revision FROM counter').get() as { revision: number };
    return row.revision;
  }

  *rows(): Generator<Row> {
    for (const row of this.#database.prepare('SELECT key, revision, json FROM objects').iterate()) {
      const { key, revision, json } = row as { key: string; revision: number; json: string };
      const first = key.indexOf('|');
      const second = key.indexOf('|', first + 1);
      const collection = key.slice(0, first);
      yield { collection, namespace: key.slice(first + 1, second), name: key.slice(second + 1), revision, json };
    }
  }

  /** All or nothing. Throws what SQLite throws (disk full, I/O error). */
  commit(writes: Write[], revision: number): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const write of writes) {
        const key = `${write.collection}|${write.namespace}|${write.name}`;
        if (write.json === undefined) this.#remove.run(key);
        else this.#upsert.run(key, write.revision, write.json);
      }
      this.#mark.run(revision);
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }
}
