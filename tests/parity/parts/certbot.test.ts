import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningContainer } from '../../../sandbox/embedded/node/images/container.ts';
import { type AcmeServer, openAcmeServer } from '../../unit/sandbox/embedded/node/images/acme/acme-server.ts';
import { container, Typist } from '../../unit/sandbox/embedded/node/images/harness.ts';
import { parseSteps } from './steps.ts';

const steps = parseSteps(readFileSync(join(import.meta.dirname, '../record/parts/certbot.txt'), 'utf8'));
let server: AcmeServer;
let target: RunningContainer;

function machine(): RunningContainer {
  const { network, root, clock } = server;
  const made = container('certbot/certbot:v5.8.0', { network: network.pod('10.244.0.30'), trusted: root, clock });
  made.start({ argv: ['sleep', 'infinity'], stdout: () => undefined, stderr: () => undefined });
  made.fs.write('/hook.sh', '#!/bin/sh\necho "$CERTBOT_VALIDATION" > /tmp/value\n', { mode: 0o755 });
  return made;
}

beforeAll(async () => {
  server = await openAcmeServer();
  target = machine();
  const { texts } = server.network;
  const deployed = texts.get.bind(texts);
  const value = () => [Buffer.from(target.fs.read('/tmp/value')).toString().trim()];
  texts.get = (name) => (name.includes('one.') ? value() : deployed(name));
  server.network.names.set('_acme-challenge.one.learner.localhost', '');
});
afterAll(() => server.close());

/** Without colours, and what is of the moment. */
function shown(text: string, code: number): string {
  return `${text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
    .replace(/\x1b\[[\d;]*m|\r/g, '')
    .replace(/^[\w-]{43}$/gm, 'VALUE')
    .replace(/\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d\+00:00)?/g, 'DATE')
    .replace(/Serial Number: [0-9a-f]+/, 'Serial Number: SERIAL')
    // Our terminal begins a line after it.
    .replace('^C\n', '^C')
    .replace(/[ \t]+$/gm, '')
    .trimEnd()}\nexit ${code}\n`.trimStart();
}

/** The last record that is asked for. */
function deploy(screen: string): void {
  const asked = /under the name:\n\n(\S+)\.\n\nwith the following value:\n\n(\S+)/g;
  const [, name = '', value = ''] = [...screen.replaceAll('\r', '').matchAll(asked)].at(-1) ?? [];
  server.network.texts.set(name, [...(server.network.texts.get(name) ?? []), value]);
}

const PROMPT = /Press Enter to Continue|\(N\)o: |cancel\): /;

test.each(steps)('$command', async ({ command, input, output }) => {
  // Asked on a machine where nothing was done before.
  if (/bob@|delete/.test(command)) target = machine();
  const typist = new Typist(target, command.split(' '));
  for (const line of input.split('\n').filter(Boolean)) {
    await typist.asks(PROMPT);
    if (line === 'DEPLOY') deploy(typist.screen);
    typist.type(line === '^C' ? '\x03' : /^(?:DEPLOY|ENTER)$/.test(line) ? '\r' : `${line}\r`);
  }
  const code = await typist.exit;
  expect(shown(typist.screen, code)).toBe(output.trimStart());
});
