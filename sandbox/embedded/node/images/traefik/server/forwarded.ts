import type { Exchange, Handler } from './exchange.ts';

const told = [
  'x-forwarded-proto',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-forwarded-uri',
  'x-forwarded-method',
  'x-forwarded-prefix',
  'x-forwarded-tls-client-cert',
  'x-forwarded-tls-client-cert-info',
  'x-real-ip',
];

/** Tells servers who asked, and how; what others claim to know counts only where they are trusted. */
export function forwardedHeaders(
  hostname: string,
  trustAll: boolean,
  trusted: ((address: string) => boolean) | undefined,
): Handler {
  return (exchange: Exchange) => {
    const { req, client, secure, authority, upgrade } = exchange;
    const { headers } = req;
    if (!trustAll && !trusted?.(client)) for (const name of told) if (headers[name] !== undefined) delete headers[name];
    headers['x-real-ip'] ??= client;
    const scheme = upgrade ? 'ws' : 'http';
    headers['x-forwarded-proto'] ??= secure ? `${scheme}s` : scheme;
    if (headers['x-forwarded-port'] === undefined) {
      const named = /:(\d+)$/.exec(authority)?.[1];
      const encrypted = secure || /^(?:https|wss)$/.test(String(headers['x-forwarded-proto']));
      headers['x-forwarded-port'] = named ?? (encrypted ? '443' : '80');
    }
    if (authority) headers['x-forwarded-host'] ??= authority;
    const before = headers['x-forwarded-for'];
    headers['x-forwarded-for'] = before === undefined ? client : `${before}, ${client}`;
    headers['x-forwarded-server'] = hostname;
    hopByHop(exchange);
  };
}

/** What is between the client and us alone is not sent on. */
function hopByHop({ req, upgrade }: Exchange): void {
  const { headers } = req;
  const { connection } = headers;
  if (connection !== undefined) {
    for (const one of connection.split(',')) {
      const name = one.trim().toLowerCase();
      if (name && name !== 'upgrade' && name !== 'connection' && !told.includes(name)) delete headers[name];
    }
    if (upgrade) headers.connection = 'Upgrade';
    else delete headers.connection;
  }
  if (!upgrade && headers.upgrade !== undefined) delete headers.upgrade;
  for (const name of [
    'keep-alive',
    'proxy-connection',
    'proxy-authenticate',
    'proxy-authorization',
    'trailer',
    'expect',
  ])
    if (headers[name] !== undefined) delete headers[name];
  if (headers.te !== undefined && !/\btrailers\b/.test(String(headers.te))) delete headers.te;
  // A body of unknown length is sent on in chunks of our own; only methods that usually have none must say so.
  const bodiless = /^(?:DELETE|OPTIONS|GET|HEAD|TRACE)$/.test(req.method ?? '');
  if (headers['transfer-encoding'] !== undefined && !bodiless) delete headers['transfer-encoding'];
}
