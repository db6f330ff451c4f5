import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type ControlAnswer, type ControlRequest, serveControl } from '../../../../src/sessions/control.ts';

function control(handle: (request: ControlRequest) => ControlAnswer) {
  const socket = path.join(mkdtempSync(path.join(tmpdir(), 'atelier-')), 'control.sock');
  const server = serveControl(socket, async (request) => handle(request));
  onTestFinished(() => server.close());
  return (line: string | Buffer) =>
    new Promise<ControlAnswer>((resolve, reject) => {
      const client = connect(socket, () => client.write(line));
      let text = '';
      client.on('data', (data) => {
        text += data;
      });
      client.on('error', reject);
      client.on('end', () => {
        client.end();
        resolve(JSON.parse(text) as ControlAnswer);
      });
    });
}

test('values of the cluster do not steer the terminal they are shown in', async () => {
  const ask = control(() => ({ ok: false, text: 'web/image: image is \u001b]52;c;eA==\u0007\u009b2J\nnext' }));
  expect(await ask('{"verb":"wait","target":"web"}\n')).toEqual({
    ok: false,
    text: 'web/image: image is \\x1b]52;c;eA==\\x07\\x9b2J\nnext',
  });
});

test('a request without end is refused', async () => {
  const ask = control(() => ({ ok: true, text: 'never' }));
  expect(await ask('x'.repeat(20_000))).toEqual({ ok: false, text: 'atelier: the request is too long' });
});

test('what is no request is answered, not fatal', async () => {
  const ask = control(({ target }) => ({ ok: true, text: target }));
  expect((await ask('nonsense\n')).ok).toBe(false);
  expect(await ask('{"verb":"wait","target":"é"}\n')).toEqual({ ok: true, text: 'é' });
});
