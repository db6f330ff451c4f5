import { fileURLToPath } from 'node:url';

export const WORKBENCH = fileURLToPath(new URL('../workbench', import.meta.url));

export interface ShellPlace {
  learner: string;
  home: string;
  /** The folder of Atelier's own command. */
  commands: string;
  /** The folder of the pinned kubectl and helm. */
  tools: string;
  /** The machine's own kubectl and helm go before the pinned ones: ATELIER_TOOLS=system. */
  systemTools?: boolean;
  /** Where the generated completion functions of kubectl and helm stand. */
  completions: string;
  /** The embedded cluster's HTTP proxy; absent on a real cluster. */
  proxy: string | undefined;
  /** Certificates to trust, as one file; absent where those of the machine are enough. */
  authorities?: string | undefined;
  /** The socket that `atelier wait` and `atelier answer` speak to. */
  control: string;
}

/** Everything a learner's shell is told: KUBECONFIG is never set, the owner's variables are never passed on. */
export function shellEnvironment(place: ShellPlace, machine: NodeJS.ProcessEnv): Record<string, string> {
  const proxies = place.proxy
    ? {
        http_proxy: place.proxy,
        https_proxy: place.proxy,
        HTTP_PROXY: place.proxy,
        HTTPS_PROXY: place.proxy,
        no_proxy: '127.0.0.1,::1',
        NO_PROXY: '127.0.0.1,::1',
      }
    : {};
  // OpenSSL, Python and Go (but on macOS) read the first; curl, which may be built on another library, the second.
  const trust = place.authorities ? { SSL_CERT_FILE: place.authorities, CURL_CA_BUNDLE: place.authorities } : {};
  const own = machine.PATH ?? '/usr/local/bin:/usr/bin:/bin';
  return {
    HOME: place.home,
    USER: place.learner,
    LOGNAME: place.learner,
    SHELL: '/bin/bash',
    PATH: [place.commands, ...(place.systemTools ? [own, place.tools] : [place.tools, own])].join(':'),
    TERM: 'xterm-256color',
    COLORTERM: 'truecolor',
    LANG: utf8(machine.LC_ALL ?? machine.LANG),
    TMPDIR: machine.TMPDIR ?? '/tmp',
    ATELIER_WORKBENCH: WORKBENCH,
    ATELIER_COMPLETIONS: place.completions,
    ATELIER_CONTROL: place.control,
    ...proxies,
    ...trust,
  };
}

/** A locale whose encoding is UTF-8, the machine's where it is one. */
function utf8(locale: string | undefined): string {
  return locale && /utf-?8/i.test(locale) ? locale : 'C.UTF-8';
}
