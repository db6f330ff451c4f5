import type { Fault } from './hosts.ts';

/** What answers in place of a host that cannot be reached. */
export interface Page {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What of a request decides how the page is written. */
interface Reader {
  'accept-language'?: string | undefined;
  accept?: string | undefined;
}

type Language = 'en' | 'fr';

interface Words {
  title: string;
  what: string;
  remedy: string;
}

/** Where the error of a gateway has a name. https://datatracker.ietf.org/doc/html/rfc9209#section-2.3 */
const statuses: Record<Fault['reason'], [status: number, error: string]> = {
  'no-host': [400, 'http_request_error'],
  'wrong-scheme': [400, 'http_request_error'],
  'unknown-domain': [421, 'destination_not_found'],
  starting: [503, 'destination_unavailable'],
  'dns-trouble': [502, 'dns_error; rcode="SERVFAIL"'],
  'no-such-name': [502, 'dns_error; rcode="NXDOMAIN"'],
  'no-address': [502, 'dns_error; rcode="NOERROR"'],
  inside: [502, 'destination_ip_unroutable'],
  nowhere: [502, 'destination_ip_unroutable'],
  'no-port': [502, 'connection_refused'],
  refused: [502, 'connection_refused'],
  silent: [504, 'connection_timeout'],
  broken: [502, 'connection_terminated'],
};

/** Words between backquotes are set as code. */
function words(fault: Fault, language: Language): Words {
  const en = language === 'en';
  const address = en
    ? 'The address to give is the EXTERNAL-IP of a Service of type LoadBalancer: `kubectl --context admin get services -A`'
    : 'L’adresse à donner est l’EXTERNAL-IP d’un Service de type LoadBalancer : `kubectl --context admin get services -A`';
  const wait = en ? 'Reload the page in a moment.' : 'Rechargez la page dans un instant.';
  switch (fault.reason) {
    case 'no-host':
      return en
        ? { title: 'Which host?', what: 'The request names no host.', remedy: 'Ask by name, not by address.' }
        : {
            title: 'Quel hôte ?',
            what: 'La requête ne nomme aucun hôte.',
            remedy: 'Demandez par un nom, pas par une adresse.',
          };
    case 'wrong-scheme':
      return en
        ? {
            title: 'This port speaks HTTPS',
            what: 'The request came unencrypted.',
            remedy: 'Write `https://` in front.',
          }
        : {
            title: 'Ce port parle HTTPS',
            what: 'La requête est arrivée sans chiffrement.',
            remedy: 'Écrivez `https://` devant.',
          };
    case 'unknown-domain': {
      const { host, domains } = fault;
      const known = domains.map((domain) => `\`${domain}\``).join(', ');
      return en
        ? {
            title: `Nobody here answers for ${host}`,
            what: known ? `Hosts below these domains are known: ${known}.` : 'No cluster is open.',
            remedy: 'Look for a slip in the address; a cluster’s domain is chosen with `--domain`.',
          }
        : {
            title: `Personne ici ne répond pour ${host}`,
            what: known ? `Les hôtes de ces domaines sont connus : ${known}.` : 'Aucun cluster n’est ouvert.',
            remedy: 'Cherchez une faute dans l’adresse ; le domaine d’un cluster se choisit avec `--domain`.',
          };
    }
    case 'starting':
      return en
        ? {
            title: 'The cluster is starting',
            what: `The cluster of \`${fault.domain}\` is not there yet.`,
            remedy: wait,
          }
        : {
            title: 'Le cluster démarre',
            what: `Le cluster de \`${fault.domain}\` n’est pas encore là.`,
            remedy: wait,
          };
    case 'dns-trouble':
      return en
        ? { title: `No answer about ${fault.host}`, what: `The zone \`${fault.domain}\` says SERVFAIL.`, remedy: wait }
        : {
            title: `Pas de réponse sur ${fault.host}`,
            what: `La zone \`${fault.domain}\` répond SERVFAIL.`,
            remedy: wait,
          };
    case 'no-such-name':
      return en
        ? {
            title: `There is no ${fault.host}`,
            what: `The zone \`${fault.domain}\` has no record for this name: it answers NXDOMAIN.`,
            remedy: `Create a record for it, then reload. ${address}`,
          }
        : {
            title: `${fault.host} n’existe pas`,
            what: `La zone \`${fault.domain}\` n’a pas d’enregistrement pour ce nom : elle répond NXDOMAIN.`,
            remedy: `Créez un enregistrement pour lui, puis rechargez. ${address}`,
          };
    case 'no-address': {
      const { host, domain, alias } = fault;
      return en
        ? {
            title: `${host} has no address`,
            what: alias
              ? `The zone \`${domain}\` knows the name as an alias of \`${alias}\`, which leads to no address.`
              : `The zone \`${domain}\` knows the name, but has no A record for it.`,
            remedy: `Give it an A record, then reload. ${address}`,
          }
        : {
            title: `${host} n’a pas d’adresse`,
            what: alias
              ? `La zone \`${domain}\` connaît ce nom comme alias de \`${alias}\`, qui ne mène à aucune adresse.`
              : `La zone \`${domain}\` connaît ce nom, mais n’a pas d’enregistrement A pour lui.`,
            remedy: `Donnez-lui un enregistrement A, puis rechargez. ${address}`,
          };
    }
    case 'inside':
      return en
        ? {
            title: `${fault.host} leads inside the cluster`,
            what: `Its record says ${fault.address}, a pod’s address or a ClusterIP: nobody outside the cluster reaches it.`,
            remedy: `Change the record, then reload. ${address}`,
          }
        : {
            title: `${fault.host} mène à l’intérieur du cluster`,
            what: `Son enregistrement dit ${fault.address}, l’adresse d’un pod ou une ClusterIP : personne ne l’atteint du dehors.`,
            remedy: `Changez l’enregistrement, puis rechargez. ${address}`,
          };
    case 'nowhere':
      return en
        ? {
            title: `Nobody has the address of ${fault.host}`,
            what: `Its record says ${fault.address}, and nothing in this cluster has that address.`,
            remedy: `Change the record, or wait for the load balancer; then reload. ${address}`,
          }
        : {
            title: `Personne n’a l’adresse de ${fault.host}`,
            what: `Son enregistrement dit ${fault.address}, et rien dans ce cluster n’a cette adresse.`,
            remedy: `Changez l’enregistrement, ou attendez le load balancer ; puis rechargez. ${address}`,
          };
    case 'no-port': {
      const { host, port, service, ports } = fault;
      const list = ports.join(', ');
      return en
        ? {
            title: `${host} does not answer at port ${port}`,
            what: `Its record leads to ${fault.address}, the address of Service \`${service}\`, which publishes ${list || 'no port'}, not ${port}.`,
            remedy: `Ask with \`${port === 443 ? 'http' : 'https'}://\`, or add the port to the Service.`,
          }
        : {
            title: `${host} ne répond pas sur le port ${port}`,
            what: `Son enregistrement mène à ${fault.address}, l’adresse du Service \`${service}\`, qui publie ${list || 'aucun port'}, pas ${port}.`,
            remedy: `Demandez avec \`${port === 443 ? 'http' : 'https'}://\`, ou ajoutez le port au Service.`,
          };
    }
    case 'refused': {
      const { host, port, service } = fault;
      return en
        ? {
            title: `Nobody listens for ${host}`,
            what: `Its record leads to ${fault.address}, where port ${port} refuses connections${service ? `: Service \`${service}\` has no pod that is ready` : ''}.`,
            remedy: `Look at the pods behind it${service ? `: \`${podsOf(service)}\`` : ''}.`,
          }
        : {
            title: `Personne n’écoute pour ${host}`,
            what: `Son enregistrement mène à ${fault.address}, où le port ${port} refuse les connexions${service ? ` : le Service \`${service}\` n’a aucun pod prêt` : ''}.`,
            remedy: `Regardez les pods qui sont derrière${service ? ` : \`${podsOf(service)}\`` : ''}.`,
          };
    }
    case 'silent':
      return en
        ? {
            title: `${fault.host} is silent`,
            what: `Nothing came back from ${fault.address}, port ${fault.port}, for 20 seconds.`,
            remedy:
              'Network policies, `loadBalancerSourceRanges` and `externalTrafficPolicy: Local` drop connections so.',
          }
        : {
            title: `${fault.host} se tait`,
            what: `Rien n’est revenu de ${fault.address}, port ${fault.port}, en 20 secondes.`,
            remedy:
              'Les network policies, `loadBalancerSourceRanges` et `externalTrafficPolicy: Local` abandonnent ainsi des connexions.',
          };
    case 'broken':
      return en
        ? {
            title: `${fault.host} hung up`,
            what: `The connection to ${fault.address}, port ${fault.port}, ended before there was an answer.`,
            remedy: wait,
          }
        : {
            title: `${fault.host} a raccroché`,
            what: `La connexion à ${fault.address}, port ${fault.port}, s’est terminée avant toute réponse.`,
            remedy: wait,
          };
  }
}

const podsOf = (service: string): string =>
  `kubectl --context admin get endpointslices,pods -n ${service.split('/')[0]}`;

const voice = {
  en: 'This is Atelier’s front door: it stands for the way from a browser through the Internet to your cluster (simulated).',
  fr: 'C’est la porte d’entrée d’Atelier : elle tient lieu du chemin d’un navigateur, par Internet, jusqu’à votre cluster (simulé).',
};

const style = `:root{color-scheme:light dark}body{margin:0;font:1.125rem/1.6 system-ui,sans-serif}
main{max-width:42rem;margin:12vh auto;padding:0 1.5rem}h1{font-size:1.6rem;line-height:1.25;overflow-wrap:anywhere}
code{font-family:ui-monospace,monospace;font-size:.95em;padding:.1em .3em;border-radius:.25em;background:color-mix(in srgb,currentColor 10%,transparent);overflow-wrap:anywhere}
footer{margin-top:3rem;font-size:.95rem}`;

/** The page about a fault, in the language and the format its reader wants. */
export function faultPage(fault: Fault, reader: Reader): Page {
  const language = languageOf(reader['accept-language'] ?? '');
  const { title, what, remedy } = words(fault, language);
  const [status, error] = statuses[fault.reason];
  const html = /\btext\/html\b/.test(reader.accept ?? '');
  const body = html
    ? `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title><style>${style}</style></head>
<body><main><h1>${escaped(title)}</h1><p>${marked(what)}</p><p>${marked(remedy)}</p><footer>${voice[language]}</footer></main></body></html>
`
    : `${title}\n${what}\n${remedy}\n`.replaceAll('`', '');
  return {
    status,
    headers: {
      'content-type': `text/${html ? 'html' : 'plain'}; charset=utf-8`,
      'content-length': String(Buffer.byteLength(body)),
      'content-language': language,
      'proxy-status': `atelier-front-door; error=${error}`,
      'cache-control': 'no-store',
      vary: 'Accept, Accept-Language',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      ...(status === 503 && { 'retry-after': '2' }),
    },
    body,
  };
}

/** The first of the languages we have, by what the reader likes best. */
function languageOf(accepted: string): Language {
  const wishes = accepted
    .split(',')
    .map((wish) => /^\s*([a-z]{2})[^;]*(?:;\s*q=([\d.]+))?/i.exec(wish))
    .map((match) => ({ language: match?.[1]?.toLowerCase(), weight: Number(match?.[2] ?? 1) }))
    .filter(({ language, weight }) => (language === 'en' || language === 'fr') && weight > 0)
    .sort((a, b) => b.weight - a.weight);
  return wishes[0]?.language === 'fr' ? 'fr' : 'en';
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function marked(text: string): string {
  return escaped(text).replace(/`([^`]*)`/g, '<code>$1</code>');
}
