import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { type Followed, follow, formatEvent, openEventStream } from '../../../../src/checks/stream.ts';

test('the whole state first, then what changes, until the page is gone', async () => {
  const listeners = new Set<(change: number) => void>();
  const counter: Followed<{ count: number }, number> = {
    state: () => ({ count: 7 }),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const ended = Promise.withResolvers<void>();
  const server = createServer((_, response) => {
    const stream = openEventStream(response);
    follow(stream, counter, { state: 'all', change: 'change' });
    void stream.closed.then(ended.resolve);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const text = await new Promise<string>((resolve) => {
    const request = get({ port, host: '127.0.0.1' }, (response) => {
      expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
      let got = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        if (got === '') for (const listener of listeners) listener(8);
        got += chunk;
        if (!got.includes('data: 8')) return;
        request.destroy();
        resolve(got);
      });
    });
  });
  expect(text).toBe(`retry: 1000\n\n${formatEvent('all', { count: 7 })}${formatEvent('change', 8)}`);
  await ended.promise;
  expect(listeners.size).toBe(0);
  await new Promise((resolve) => server.close(resolve));
});

test('line ends in a text stay within the JSON', () => {
  expect(formatEvent('x', { text: 'a\nb' })).toBe('event: x\ndata: {"text":"a\\nb"}\n\n');
});

test('a page that left before its stream was opened holds nothing', async () => {
  const ended = Promise.withResolvers<void>();
  const server = createServer((_, response) => {
    response.on('close', () => openEventStream(response).closed.then(ended.resolve));
    request.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const request = get({ port, host: '127.0.0.1' });
  request.on('error', () => undefined);
  await ended.promise;
  await new Promise((resolve) => server.close(resolve));
});
