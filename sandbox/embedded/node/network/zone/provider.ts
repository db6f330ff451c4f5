import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Loose } from '../../../../../kubernetes/object.ts';
import type { RecordType } from '../dns-records.ts';
import { isBeside, isWithin, plainName, ZoneError, type ZoneRecord } from './records.ts';
import type { Zone } from './zone.ts';

/** https://kubernetes-sigs.github.io/external-dns/latest/docs/tutorials/webhook-provider/ */
const mediaType = 'application/external.dns.webhook+json;version=1';
const longestBody = 4 << 20;

export interface ProviderApi {
  connection(socket: Duplex): void;
  close(): void;
}

/** The zone's HTTP API, in the shape in which external-dns speaks to providers nobody built into it. */
export function createProviderApi(zone: Zone, log: (message: string) => void = () => {}): ProviderApi {
  /** As providers do, it leaves out what is of no zone it has. */
  const mine = (endpoints: Loose[] | undefined): ZoneRecord[] =>
    setsOf(endpoints).filter(({ name, type }) => {
      const ours = isWithin(plainName(name), zone.domain) || isBeside(plainName(name), type, zone.domain);
      if (!ours) log(`zone ${zone.domain}: ${type} record ${name} is of another zone: skipped`);
      return ours;
    });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0];
    const route = `${request.method === 'HEAD' ? 'GET' : request.method} ${path}`;
    const send = (value: Loose) => {
      response.writeHead(200, { 'content-type': mediaType });
      response.end(`${JSON.stringify(value)}\n`);
    };
    if (route === 'GET /') return send({ include: [zone.domain] });
    if (route === 'GET /records') return send(zone.list().map(endpointOf));
    if (route === 'POST /adjustendpoints') return send(await bodyOf(request));
    if (route === 'POST /records') {
      const { create, updateNew, delete: deleted } = (await bodyOf(request)) ?? {};
      zone.change({ create: mine(create), update: mine(updateNew), delete: mine(deleted) });
      response.writeHead(204).end();
      return;
    }
    const known = ['/', '/records', '/adjustendpoints'].includes(path ?? '');
    say(
      response,
      known ? 405 : 404,
      known ? 'method not allowed' : 'not found: GET /, GET and POST /records, POST /adjustendpoints',
    );
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: Error) => {
      // What the body should have been is the caller's fault; what a zone cannot be, or a full disk, is tried again.
      const wrong = error instanceof SyntaxError || error instanceof TypeError;
      log(`zone ${zone.domain}: ${error.message}`);
      say(
        response,
        wrong ? 400 : 500,
        error instanceof ZoneError ? error.message : wrong ? 'no valid changes' : error.message,
      );
    });
  });
  server.on('clientError', (_, socket) => socket.destroy());
  return {
    connection: (socket) => void server.emit('connection', socket),
    close: () => server.closeAllConnections(),
  };
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}

async function bodyOf(request: IncomingMessage): Promise<Loose> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > longestBody) throw new SyntaxError('the body is longer than 4 MiB');
    chunks.push(chunk as Buffer);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

function setsOf(endpoints: Loose[] | undefined): ZoneRecord[] {
  return (endpoints ?? []).map(
    ({ dnsName, recordType, recordTTL, targets, setIdentifier, labels, providerSpecific }) => ({
      name: String(dnsName ?? ''),
      type: String(recordType ?? '') as RecordType,
      targets: (targets ?? []).map(String),
      ...(recordTTL && { ttl: recordTTL }),
      ...(setIdentifier && { setIdentifier }),
      ...(labels && Object.keys(labels).length > 0 && { labels }),
      ...(providerSpecific?.length > 0 && { providerSpecific }),
    }),
  );
}

function endpointOf({ name, type, ttl, ...rest }: ZoneRecord): Loose {
  return { dnsName: name, recordType: type, ...(ttl !== undefined && { recordTTL: ttl }), ...rest };
}
