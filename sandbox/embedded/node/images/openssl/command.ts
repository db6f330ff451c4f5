import type { Program } from '../image.ts';

const VERSION = 'OpenSSL 3.0.19 27 Jan 2026 (Library: OpenSSL 3.0.19 27 Jan 2026, simulated by Atelier)';

/** `openssl`: certificates are read, verified and asked of servers. What else it can do is not played. */
export const openssl: Program = async (process) => {
  const [, command, ...args] = process.argv;
  switch (command) {
    case 'version':
    case '--version':
    case '-v':
      await process.stdout.write(`${VERSION}\n`);
      return 0;
    case 'x509':
      return (await import('./x509.ts')).x509(process, args);
    case 'verify':
      return (await import('./verify.ts')).verify(process, args);
    case 's_client':
      return (await import('./s-client.ts')).sClient(process, args);
    case undefined:
    case 'help':
    case '--help':
      await process.stderr.write('openssl (simulated by Atelier): s_client, verify, version, x509\n');
      return 0;
    default:
      await process.stderr.write(
        PLAYED_ELSEWHERE.has(command)
          ? `openssl ${command}: not simulated by Atelier\n`
          : `Invalid command '${command}'; type "help" for a list.\n`,
      );
      return 1;
  }
};

/** Commands of the real one. */
const PLAYED_ELSEWHERE = new Set([
  'ca',
  'ciphers',
  'crl',
  'dgst',
  'ec',
  'ecparam',
  'enc',
  'genpkey',
  'genrsa',
  'ocsp',
  'passwd',
  'pkcs12',
  'pkey',
  'rand',
  'req',
  'rsa',
  's_server',
]);
