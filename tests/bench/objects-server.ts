import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

// What an API server cannot be faster than in Node: TLS, JSON, one table; no checks, no rights, no defaults.
const directory = process.argv[2] ?? '.';
const read = (file: string) => readFileSync(path.join(directory, file));
const database = new DatabaseSync(path.join(directory, 'bare.sqlite'));
database.exec(
  'PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; CREATE TABLE object (name TEXT PRIMARY KEY, json TEXT)',
);
const insert = database.prepare('INSERT INTO object VALUES (?, ?)');
const update = database.prepare('UPDATE object SET json = ? WHERE name = ?');
const select = database.prepare('SELECT json FROM object WHERE name = ?');
const all = database.prepare('SELECT json FROM object ORDER BY name LIMIT ?');
const watchers = new Set<{ write(text: string): unknown }>();

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

let version = 0;
const server = createServer({ cert: read('server.crt'), key: read('server.key') }, async (request, response) => {
  const url = new URL(request.url ?? '/', 'https://localhost');
  const name = /\/configmaps\/(.+)$/.exec(url.pathname)?.[1];
  response.setHeader('content-type', 'application/json');
  if (request.method === 'POST') {
    const object = JSON.parse(await bodyOf(request)) as { metadata: { name: string; resourceVersion?: string } };
    object.metadata.resourceVersion = String(++version);
    const json = JSON.stringify(object);
    insert.run(object.metadata.name, json);
    response.writeHead(201).end(json);
    for (const watcher of watchers) watcher.write(`{"type":"ADDED","object":${json}}\n`);
  } else if (request.method === 'PATCH' && name) {
    const object = JSON.parse(select.get(name)?.json as string);
    Object.assign(object.metadata.labels, (JSON.parse(await bodyOf(request)) as typeof object).metadata.labels);
    object.metadata.resourceVersion = String(++version);
    const json = JSON.stringify(object);
    update.run(json, name);
    response.end(json);
  } else if (name) {
    response.end(select.get(name)?.json as string);
  } else if (url.searchParams.has('watch')) {
    response.flushHeaders();
    watchers.add(response);
    response.on('close', () => watchers.delete(response));
  } else {
    const items = all.all(Number(url.searchParams.get('limit'))).map((row) => row.json);
    response.end(`{"metadata":{"resourceVersion":"${version}"},"items":[${items.join(',')}]}`);
  }
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`));
