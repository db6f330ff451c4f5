import { isIP } from 'node:net';
import { AcmeProblem, type Identifier, malformed, type ProblemType } from './problem.ts';

/** Top-level names under which anybody may have a domain; the workshop's own is added to them. */
const SUFFIXES = ['localhost'];
/** Reserved for examples: https://datatracker.ietf.org/doc/html/rfc2606#section-3 */
const EXAMPLES = ['example.com', 'example.net', 'example.org'];
/** Real top-level names this authority, which is simulated, has no say in: their names are well formed all the same. */
const TOP_LEVEL = /^(?:[a-z]{2}|com|net|org|info|dev|app|edu|gov|io|cloud|tech|xyz|online|site|name|biz)$/;

/** What may be certified. `suffixes` are below which each name with one label more is somebody's own. */
export class Policy {
  readonly #suffixes: string[];

  /** @param domain of the learner: `learner.localhost` */
  constructor(domain?: string) {
    const parent = domain?.split('.').slice(1).join('.');
    this.#suffixes = parent && !SUFFIXES.includes(parent) ? [...SUFFIXES, parent] : SUFFIXES;
  }

  /** Throws `rejectedIdentifier` with each fault. */
  check(identifiers: Identifier[]): void {
    const faults = identifiers.flatMap((identifier) => {
      const problem = this.#fault(identifier.value);
      return problem ? [{ identifier, problem }] : [];
    });
    const [first] = faults;
    if (!first) return;
    const detail = `Cannot issue for "${first.identifier.value}": ${first.problem.message}`;
    if (faults.length === 1) throw new AcmeProblem('rejectedIdentifier', detail);
    throw new AcmeProblem(
      'rejectedIdentifier',
      `${detail} (and ${faults.length - 1} more problems. Refer to sub-problems for more information.)`,
      { subproblems: faults },
    );
  }

  /** The domain somebody registered, to which a name belongs: limits count by it. */
  registeredDomain(name: string): string {
    const suffix = this.#suffixOf(name) ?? name.split('.').at(-1)!;
    const own = name.slice(0, -suffix.length - 1).split('.');
    return `${own.at(-1)}.${suffix}`;
  }

  #suffixOf(name: string): string | undefined {
    return this.#suffixes.filter((one) => name.endsWith(`.${one}`)).sort((a, b) => b.length - a.length)[0];
  }

  #fault(value: string): AcmeProblem | undefined {
    const base = value.startsWith('*.') ? value.slice(2) : value;
    if (value.includes('*') && (base.includes('*') || base === value)) {
      return malformed(
        value.split('*').length > 2
          ? 'Domain name has more than one wildcard'
          : 'Domain name contains an invalid wildcard. A wildcard is only permitted before the first dot in a domain name',
      );
    }
    if (value !== base && this.#suffixes.includes(base)) return malformed('Domain name is a wildcard for an ICANN TLD');
    const fault = shapeFault(base);
    if (fault) return fault;
    if (this.#suffixes.includes(base)) return malformed('Domain name is an ICANN TLD');
    if (this.#suffixOf(base)) return undefined;
    if (!TOP_LEVEL.test(base.split('.').at(-1)!))
      return malformed('Domain name does not end with a valid public suffix (TLD)');
    if (EXAMPLES.some((one) => base === one || base.endsWith(`.${one}`)))
      return rejected(
        'The ACME server refuses to issue a certificate for this domain name, because it is forbidden by policy',
      );
    return undefined;
  }
}

const rejected = (detail: string): AcmeProblem => new AcmeProblem('rejectedIdentifier', detail);

/** https://datatracker.ietf.org/doc/html/rfc1035#section-2.3.1 */
function shapeFault(name: string): AcmeProblem | undefined {
  if (name === '') return malformed('Identifier value (name) is empty');
  if (isIP(name)) return malformed('Identifier type is DNS but value is an IP address');
  if (/[^a-z0-9.-]/.test(name)) return malformed('Domain name contains an invalid character');
  if (name.length > 253) return malformed('Domain name is longer than 253 bytes');
  if (name.endsWith('.')) return malformed('Domain name ends in a dot');
  const labels = name.split('.');
  if (labels.length > 10) return malformed('Domain name has more than 10 labels (parts)');
  if (labels.length < 2) return malformed('Domain name needs at least one dot');
  for (const label of labels) {
    if (label === '') return malformed('Domain name can not have two dots in a row');
    if (label.length > 63) return malformed('Domain has a label (component between dots) longer than 63 bytes');
    if (/^-|-$/.test(label)) return malformed('Domain name contains an invalid character');
    if (/^..--/.test(label) && !label.startsWith('xn--'))
      return rejected("Domain name contains an invalid label in a reserved format (R-LDH: '??--')");
  }
  return undefined;
}

/** Throws `invalidContact` or `unsupportedContact` for what is no address anybody reads. */
export function checkContacts(contacts: unknown): string[] {
  if (contacts === undefined || contacts === null) return [];
  if (!Array.isArray(contacts)) throw malformed('Error unmarshaling JSON');
  const refuse = (detail: string, type: ProblemType = 'invalidContact'): never => {
    throw new AcmeProblem(type, detail);
  };
  for (const contact of contacts as string[]) {
    if (contact === '') refuse('empty contact');
    if (!/^[a-z][a-z0-9+.-]*:/i.test(contact))
      refuse("only contact scheme 'mailto:' is supported", 'unsupportedContact');
    const [scheme, address = ''] = contact.split(/:(.*)/s);
    if (scheme?.toLowerCase() !== 'mailto') refuse("only contact scheme 'mailto:' is supported", 'unsupportedContact');
    if (address.includes('?')) refuse('contact email contains a question mark');
    if (address.includes('#')) refuse("contact email contains a '#'");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
    if (/[^\x00-\x7f]/.test(address)) refuse('contact email contains non-ASCII characters');
    if (!/^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(address)) refuse('unable to parse email address');
    const domain = address.slice(address.indexOf('@') + 1).toLowerCase();
    const fault = shapeFault(domain);
    if (fault) refuse(`contact email has invalid domain: ${fault.message}`);
    if (EXAMPLES.includes(domain)) refuse(`invalid contact domain. Contact emails @${domain} are forbidden`);
  }
  return contacts as string[];
}
