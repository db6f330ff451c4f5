/** The release that is played. */
export const version = '3.6.7';
export const codename = 'ramequin';
export const goVersion = 'go1.24.11';

/** What `--help` says, shorter than the real one. */
export function help(): string {
  return [
    'traefik    Traefik is a modern HTTP reverse proxy and load balancer made to deploy microservices with ease.',
    'Complete documentation is available at https://traefik.io',
    '',
    'Usage: traefik [command] [flags] [arguments]',
    '',
    'Use "traefik [command] --help" for help on any command.',
    '',
    'Commands:',
    '    healthcheck    Calls Traefik /ping endpoint (disabled by default) to check the health of Traefik.',
    '    version        Shows the current Traefik version.',
    '',
    "Flag's usage: traefik [--flag=flag_argument] [-f [flag_argument]]    # set flag_argument to flag(s)",
    '          or: traefik [--flag[=true|false| ]] [-f [true|false| ]]    # set true/false to boolean flag(s)',
  ].join('\n');
}
