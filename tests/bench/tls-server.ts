import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

// The least a TLS server in Node can be: says its port, answers everything with 200.
const directory = process.argv[2] ?? '.';
const read = (file: string) => readFileSync(path.join(directory, file));
const server = createServer({ cert: read('server.crt'), key: read('server.key') }, (_, response) => response.end('ok'));
server.listen(0, '127.0.0.1', () => process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`));
