import { OptionError, type Options } from './options.ts';

export interface EntryPoint {
  name: string;
  host: string;
  port: number;
  asDefault: boolean;
  /** Set where its routers speak TLS. */
  tls?: { options?: string };
  middlewares: string[];
  redirect?: { to: string; scheme: string; permanent: boolean; priority: number };
  trustAll: boolean;
  trustedIPs: string[];
  sanitizePath: boolean;
  encodeSemicolons: boolean;
  /** Milliseconds. */
  readTimeout: number;
  idleTimeout: number;
  graceTimeout: number;
  acceptTimeout: number;
  accessLogs: boolean;
  logsInternals: boolean;
}

/** Where an entry point listens, as Go takes addresses. Throws {@link OptionError}. */
function addressOf(name: string, address: string): { host: string; port: number; protocol: string } {
  const failed = (text: string): OptionError =>
    new OptionError(
      `error while building entryPoint ${name}: building listener: error opening listener: listen tcp: ${text}`,
    );
  const [place = '', protocol = 'tcp'] = address.split('/');
  if (!/^(?:tcp|udp)$/i.test(protocol))
    throw new OptionError(`error while building entryPoint ${name}: invalid protocol: ${protocol}`);
  const at = place.lastIndexOf(':');
  if (at < 0) throw failed(`address ${place}: missing port in address`);
  const port = place.slice(at + 1);
  const named: Record<string, number> = { http: 80, https: 443 };
  const number = /^\d+$/.test(port) ? Number(port) : named[port];
  if (number === undefined) throw failed(`lookup tcp/${port}: unknown port`);
  if (number > 65_535) throw failed(`address ${port}: invalid port`);
  return { host: place.slice(0, at).replace(/^\[|\]$/g, ''), port: number, protocol: protocol.toLowerCase() };
}

/** The entry points that are asked for, and those that other options need. */
export function entryPointsOf(options: Options): EntryPoint[] {
  const names = options.names('entrypoints');
  const addresses = new Map(names.map((name) => [name, options.text(`entrypoints.${name}.address`)]));
  if (names.every((name) => name === 'traefik')) addresses.set('http', ':80');
  const internal =
    options.flag('api.insecure') ||
    (options.has('ping') && options.text('ping.entrypoint') === 'traefik' && !options.flag('ping.manualrouting')) ||
    (options.has('metrics.prometheus') && options.text('metrics.prometheus.entrypoint') === 'traefik');
  if (internal && !addresses.has('traefik')) addresses.set('traefik', ':8080');
  return [...addresses].flatMap(([name, address]): EntryPoint[] => {
    const { host, port, protocol } = addressOf(name, address);
    if (protocol === 'udp') return [];
    const at = `entrypoints.${name}`;
    const redirect = `${at}.http.redirections.entrypoint`;
    const tlsOptions = options.text(`${at}.http.tls.options`);
    return [
      {
        name,
        host,
        port,
        asDefault: options.flag(`${at}.asdefault`),
        ...(options.has(`${at}.http.tls`) && { tls: { ...(tlsOptions && { options: tlsOptions }) } }),
        middlewares: options.list(`${at}.http.middlewares`),
        ...(options.has(`${at}.http.redirections`) && {
          redirect: {
            to: options.text(`${redirect}.to`),
            scheme: options.text(`${redirect}.scheme`),
            permanent: options.flag(`${redirect}.permanent`),
            priority: Number(options.text(`${redirect}.priority`)),
          },
        }),
        trustAll: options.flag(`${at}.forwardedheaders.insecure`),
        trustedIPs: options.list(`${at}.forwardedheaders.trustedips`),
        sanitizePath: options.flag(`${at}.http.sanitizepath`),
        encodeSemicolons: options.flag(`${at}.http.encodequerysemicolons`),
        readTimeout: options.duration(`${at}.transport.respondingtimeouts.readtimeout`),
        idleTimeout: options.duration(`${at}.transport.respondingtimeouts.idletimeout`),
        graceTimeout: options.duration(`${at}.transport.lifecycle.gracetimeout`),
        acceptTimeout: options.duration(`${at}.transport.lifecycle.requestacceptgracetimeout`),
        accessLogs: options.flag(`${at}.observability.accesslogs`),
        logsInternals: options.flag('accesslog.addinternals'),
      },
    ];
  });
}

/** Where routers are that name none: those marked, else all but Traefik's own. */
export function defaultEntryPoints(entryPoints: EntryPoint[]): string[] {
  const marked = entryPoints.filter(({ asDefault }) => asDefault);
  return (marked.length > 0 ? marked : entryPoints.filter(({ name }) => name !== 'traefik'))
    .map(({ name }) => name)
    .sort();
}
