/** What providers tell: the dynamic configuration. https://doc.traefik.io/traefik/routing/overview/ */
export interface Dynamic {
  routers: Map<string, Router>;
  services: Map<string, Service>;
  middlewares: Map<string, Middleware>;
  transports: Map<string, ServersTransport>;
  certificates: Certificate[];
  tlsOptions: Map<string, TlsOptions>;
  /** Of the TLSStore named default. */
  defaultCertificate?: Certificate;
}

export interface Router {
  rule: string;
  /** The rule's length where it is 0. */
  priority: number;
  entryPoints: string[];
  middlewares: string[];
  service: string;
  tls?: { options?: string };
  accessLog?: boolean;
}

export interface Server {
  url: string;
  weight?: number;
  /** It is going away: only who sticks to it still gets there. */
  fenced?: boolean;
}

export interface StickyCookie {
  name?: string;
  secure?: boolean;
  httpOnly?: boolean;
  sameSite?: string;
  maxAge?: number;
  path?: string;
  domain?: string;
}

export interface Service {
  servers?: Server[];
  weighted?: { name: string; weight: number; status?: number }[];
  passHostHeader?: boolean;
  sticky?: StickyCookie;
  transport?: string;
}

export interface ServersTransport {
  insecureSkipVerify?: boolean;
  serverName?: string;
  rootCAs?: string[];
  certificate?: Certificate;
  /** Milliseconds. */
  dialTimeout?: number;
  responseHeaderTimeout?: number;
}

/** One kind of middleware and its options, as the CRD has them: `{ stripPrefix: { prefixes: ['/a'] } }`. */
export type Middleware = Record<string, unknown>;

/** PEM texts. */
export interface Certificate {
  cert: string;
  key: string;
}

export interface TlsOptions {
  minVersion?: string;
  maxVersion?: string;
  sniStrict?: boolean;
  alpnProtocols?: string[];
  cipherSuites?: string[];
}

export function emptyDynamic(): Dynamic {
  return {
    routers: new Map(),
    services: new Map(),
    middlewares: new Map(),
    transports: new Map(),
    certificates: [],
    tlsOptions: new Map(),
  };
}

/** The most that a user may set as a priority: above are Traefik's own. */
export const maxUserPriority = Number.MAX_SAFE_INTEGER - 1000;

/** What is neither a letter nor a digit becomes a dash, many of them one. */
export function normalize(name: string): string {
  return name
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
    .join('-');
}

/** `web` of provider `kubernetes` is `web@kubernetes`. */
export function qualified(name: string, provider: string): string {
  return name.includes('@') ? name : `${name}@${provider}`;
}
