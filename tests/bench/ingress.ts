import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { type Figure, percentile } from './figures.ts';
import type { Part, Workplace } from './part.ts';
import { startNode } from './processes.ts';

const connections = 32;
/** Milliseconds of one turn, and how many each proxy has. */
const turn = 600;
const turns = 6;

interface Round {
  perSecond: number;
  /** Milliseconds. */
  p99: number;
}

/** As many requests as come through, by connections that are kept. */
async function load(port: number, secure: boolean, milliseconds: number): Promise<Round> {
  const options = { keepAlive: true, maxSockets: connections, scheduling: 'fifo' } as const;
  const agent = secure ? new TlsAgent({ ...options, rejectUnauthorized: false }) : new Agent(options);
  const send = secure ? httpsRequest : httpRequest;
  const took: number[] = [];
  const end = performance.now() + milliseconds;
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const began = performance.now();
      const request = send({ host: '127.0.0.1', port, agent, headers: { host: 'web-7.test' } }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`));
        response.resume();
        response.on('end', () => {
          took.push(performance.now() - began);
          resolve();
        });
      });
      request.on('error', reject);
      request.end();
    });
  const began = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < end) await one();
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  return { perSecond: took.length / seconds, p99: percentile(took, 0.99) };
}

/** Both take turns; the better turn of each counts. */
async function compare(bare: number, ours: number, secure: boolean): Promise<{ bare: Round; ours: Round }> {
  const best = {
    bare: { perSecond: 0, p99: Number.POSITIVE_INFINITY },
    ours: { perSecond: 0, p99: Number.POSITIVE_INFINITY },
  };
  for (const port of [bare, ours]) await load(port, secure, 500);
  for (let round = 0; round < turns; round += 1)
    for (const [name, port] of [
      ['bare', bare],
      ['ours', ours],
    ] as const) {
      const { perSecond, p99 } = await load(port, secure, turn);
      best[name].perSecond = Math.max(best[name].perSecond, perSecond);
      best[name].p99 = Math.min(best[name].p99, p99);
    }
  return best;
}

async function run(workplace: Workplace): Promise<Figure[]> {
  const server = await startNode('tests/bench/ingress-server.ts', [], /^(\{.*\})$/, process.env);
  workplace.atEnd(() => server.end());
  const { ports, start, held } = JSON.parse(server.said);
  const plain = await compare(ports.bare, ports.traefik, false);
  const secure = await compare(ports.bareSecure, ports.traefikSecure, true);
  const ratio = { of: 'ratio', least: 0.7 } as const;
  const late = { of: 'ratio', most: 1.43 } as const;
  return [
    {
      name: 'requests through an Ingress',
      value: plain.ours.perSecond,
      unit: '/s',
      anchor: { name: 'bare proxy library', value: plain.bare.perSecond },
      budget: ratio,
    },
    {
      name: '99 of 100 within',
      value: plain.ours.p99,
      unit: 'ms',
      anchor: { name: 'bare proxy library', value: plain.bare.p99 },
      budget: late,
    },
    {
      name: 'requests through an Ingress, TLS',
      value: secure.ours.perSecond,
      unit: '/s',
      anchor: { name: 'bare proxy library', value: secure.bare.perSecond },
      budget: ratio,
    },
    {
      name: '99 of 100 within, TLS',
      value: secure.ours.p99,
      unit: 'ms',
      anchor: { name: 'bare proxy library', value: secure.bare.p99 },
      budget: late,
    },
    { name: 'Traefik starts and routes', value: start, unit: 'ms', budget: { of: 'figure', most: 300 } },
    { name: 'memory of a Traefik pod', value: held / 2 ** 20, unit: 'MB', budget: { of: 'figure', most: 12 } },
  ];
}

/** Requests through an Ingress, against what the proxy library alone does in the same process. */
export const ingress: Part = { name: 'ingress', patience: 60, run };
