/** Where a part answers otherwise than the real program, and why that stays. One list for all parts. */
export interface Difference {
  part: string;
  /** The step of the recording, or what a user does. */
  at: string;
  why: string;
}

export const differences: Difference[] = [
  {
    part: 'acme',
    at: 'newOrder, newAccount: what of it Let’s Encrypt refuses',
    why: 'Every name below localhost or the learner’s domain is a registered one’s; contacts are kept and shown, as RFC 8555 has them, and @example.com is refused in the words that its documentation and cert-manager’s quote.',
  },
  {
    part: 'acme',
    at: 'finalize',
    why: 'Answers with the certificate at once: the real one says processing for a second or two.',
  },
  {
    part: 'acme',
    at: 'TLS-ALPN-01, CAA, CRLs, certificate transparency, validation from further places',
    why: 'Not played: no lesson meets them, and the zone knows no CAA.',
  },
  {
    part: 'certbot',
    at: '--standalone, --webroot, run, plugins',
    why: 'Only --manual is played; the others end with a sentence that says so.',
  },
  {
    part: 'openssl',
    at: 's_client: session tickets, and the session of TLS 1.2',
    why: 'Keys of a session are not told by Node; what a lesson reads stands before them.',
  },
  {
    part: 'openssl',
    at: 'version; req, genrsa, pkey …',
    why: 'It says that it is simulated; what makes keys and requests is not played, and says so.',
  },
  {
    part: 'zone',
    at: 'WEB.Learner.Localhost A',
    why: 'Answers repeat the letters of the question, as RFC 4343 (4.1) lets them; BIND gives those of its zone file.',
  },
  {
    part: 'external-dns',
    at: '--events',
    why: 'A change is acted on at once, not after the five seconds that the real one gathers changes: a learner sees the record while looking.',
  },
  {
    part: 'external-dns',
    at: '--provider=aws, --source=gateway-httproute, --kubeconfig=FILE …',
    why: 'What is not played ends with a sentence that says so: providers but webhook, sources but crd, ingress and service, encrypted TXT records, files with credentials.',
  },
  {
    part: 'cert-manager',
    at: 'HTTP-01 and DNS-01 self checks',
    why: 'The real one asks five times, two seconds apart, waits a minute after a TXT record is seen, and looks again after ten seconds: ours takes tenths of a second, and looks again soon at first, so that a lesson is not spent waiting.',
  },
  {
    part: 'cert-manager',
    at: 'renewal, back-off',
    why: "Renewals and waits go by the cluster's clock, which can be skipped; whether a certificate has expired goes by the real time, as its clients do.",
  },
  {
    part: 'cert-manager',
    at: 'issuers vault and venafi, keystores, nameConstraints, otherNames, renewal windows, DNS providers but our zone, GatewayHTTPRoute',
    why: 'Not played. Issuers and DNS providers say so in their condition or reason, key stores in the log; the others are as if they were not there.',
  },
  {
    part: 'cert-manager',
    at: 'DNS-01 by webhook acme.atelier.dev/zone',
    why: "Writes to the learner's zone itself: no webhook and no APIService has to be installed.",
  },
  {
    part: 'cert-manager',
    at: 'RequestFailed … already exists; a second revision at once',
    why: 'The real one sometimes looks at a cache that has not seen its own write; ours sees it.',
  },
  {
    part: 'cert-manager',
    at: 'without rights',
    why: 'The real one also watches the metadata of Secrets that are not its own, and tells of that; ours has one watch of Secrets.',
  },
  {
    part: 'cert-manager',
    at: 'the webhook before it serves; readiness; a renewal of its certificate',
    why: 'The real one tries again each second and is asked first after five seconds; ours serves as soon as its authority is stored, so that helm install takes seconds.',
  },
  {
    part: 'cert-manager',
    at: 'an Order that loses an authorization',
    why: 'The real webhook (v1.21.2) panics and answers 500; ours refuses the change.',
  },
  {
    part: 'cert-manager',
    at: 'approval for issuers of other groups',
    why: 'The real webhook asks discovery for the plural of the kind; ours takes the kind in small letters with an s.',
  },
  {
    part: 'traefik',
    at: 'HTTP/1.0',
    why: 'Node answers with a status line of HTTP/1.1 and says Connection: close; clients of 1.0 take that.',
  },
  {
    part: 'traefik',
    at: 'Host(`a`) in two Ingresses, two default backends',
    why: 'Of rules that are equally long the real one takes any, by the order of a Go map; ours takes the first by name, so that an answer does not change by chance.',
  },
  {
    part: 'traefik',
    at: 'providers.providersThrottleDuration',
    why: 'Unless it is set, a change counts after a tenth of a second, not after two seconds: nobody learns by waiting. Complaints are therefore repeated less often.',
  },
  {
    part: 'traefik',
    at: 'TRAEFIK DEFAULT CERT',
    why: 'Its key is of P-256, not RSA: a start need not wait for it.',
  },
  {
    part: 'traefik',
    at: 'traefik version, --help, log line "built on", dashboard',
    why: 'They say that they are simulated; --help names no options, though all 501 are known.',
  },
  {
    part: 'traefik',
    at: 'IngressRouteTCP, IngressRouteUDP, other providers, plug-ins, ACME resolvers, HTTP/3, tracing, h2c to servers',
    why: 'Not played: they are as if they were not there.',
  },
  {
    part: 'traefik',
    at: 'TLSOption clientAuth and cipherSuites, responseHeaderTimeout of a ServersTransport, strategy other than wrr',
    why: 'Read, and without effect: nobody is asked for a certificate, the ciphers are those of Node, a server may take its time, and all take turns.',
  },
  {
    part: 'traefik',
    at: 'Gateway API: GRPCRoute, TCPRoute, TLSRoute, BackendTLSPolicy',
    why: 'They have to be listable, as for the real one, and the GatewayClass tells the same supportedFeatures; but routes of these kinds lead nowhere and get no status, and no policy is applied.',
  },
  {
    part: 'traefik',
    at: 'Gateway API: Gateway Not Accepted error="11 errors occurred …"',
    why: 'The real one tells several errors in the order of a Go map, anew each time; ours in the order of the listeners.',
  },
  {
    part: 'traefik',
    at: 'Middlewares circuitBreaker, digestAuth, errors, forwardAuth, inFlightReq, passTLSClientCert, plugin; basicAuth with bcrypt',
    why: 'Not played: a router with one is left out, and its log line says that the middleware type is invalid; a password hashed by bcrypt fits nobody. compress and contentType pass everything on as it is.',
  },
];
