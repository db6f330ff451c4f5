import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { callHttp } from '../../http/client.ts';
import { readBody } from '../../http/server.ts';
import { dialError, requestError } from '../../in-cluster/words.ts';
import type { Manager } from '../manager.ts';
import { quote } from '../objects.ts';
import type { Solver } from './challenges.ts';

/** The provider of the cluster's own zone: no webhook has to be installed for it. */
const zoneGroup = 'acme.atelier.dev';
const zoneName = 'zone';
const zone = 'http://zone.atelier.internal';
/** Seconds a record may be kept; the real program waits for as long as one of 60 may be. */
const ttl = 60;
const settle = 500;

/** Answers by a TXT record. https://cert-manager.io/docs/configuration/acme/dns01/ */
export function createDnsSolver(manager: Manager): Solver {
  const { process } = manager;

  async function call(method: string, path: string, body?: Loose): Promise<string> {
    const url = new URL(path, zone);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const type = 'application/external.dns.webhook+json;version=1';
    try {
      const response = await callHttp(process, {
        url,
        method,
        headers: {
          Accept: type,
          ...(text && { 'Content-Type': type, 'Content-Length': String(Buffer.byteLength(text)) }),
        },
        body: text,
        timeout: 10_000,
      });
      const said = (await readBody(response)).toString('utf8');
      if ((response.statusCode ?? 0) < 300) return said;
      throw new Error(`the zone answered ${response.statusCode}: ${said.trim()}`);
    } catch (error) {
      if (!(error as NodeJS.ErrnoException).code) throw error;
      throw requestError(method, url.href, dialError(url.host, error as NodeJS.ErrnoException));
    }
  }

  const nameOf = ({ spec }: KubeObject): string => `_acme-challenge.${spec.dnsName}`;

  /** The values that stand at a challenge's name: a wildcard and its bare name share it. */
  async function valuesAt(name: string): Promise<string[]> {
    const records: Loose[] = JSON.parse(await call('GET', '/records'));
    const own = records.find(({ dnsName, recordType }) => dnsName === name && recordType === 'TXT');
    return (own?.targets ?? []).map((target: string) => target.replace(/^"(.*)"$/, '$1'));
  }

  async function change(name: string, before: string[], now: string[]): Promise<void> {
    const set = (targets: string[]): Loose => ({
      dnsName: name,
      recordType: 'TXT',
      recordTTL: ttl,
      targets: targets.map((target) => `"${target}"`),
    });
    if (before.length === 0) await call('POST', '/records', { create: [set(now)] });
    else if (now.length === 0) await call('POST', '/records', { delete: [set(before)] });
    else await call('POST', '/records', { updateOld: [set(before)], updateNew: [set(now)] });
  }

  /** Throws for providers that nobody plays here. */
  function checkProvider({ spec }: KubeObject): void {
    const settings: Loose = spec.solver.dns01 ?? {};
    const { webhook } = settings;
    if (webhook?.groupName === zoneGroup && webhook.solverName === zoneName) return;
    if (webhook)
      throw new Error(
        `the server could not find the requested resource (post ${webhook.solverName}.${webhook.groupName})`,
      );
    const provider = Object.keys(settings).find((name) => name !== 'cnameStrategy');
    if (!provider) throw new Error('no dns provider config specified for challenge');
    throw new Error(
      `simulated by Atelier: the DNS provider ${provider} is not played; use webhook with groupName ${zoneGroup} and solverName ${zoneName}`,
    );
  }

  return {
    async present(challenge) {
      checkProvider(challenge);
      const name = nameOf(challenge);
      const before = await valuesAt(name);
      const { key } = challenge.spec;
      if (!before.includes(key)) await change(name, before, [...before, key]);
    },
    async check(challenge) {
      const { dnsName, key } = challenge.spec;
      const reply = await process.container.network.query(nameOf(challenge), 'TXT');
      if (reply.status !== 'NOERROR' && reply.status !== 'NXDOMAIN')
        throw new Error(`NS returned ${reply.status} for ${nameOf(challenge)}.`);
      const seen = reply.answers.some(({ type, data }) => type === 'TXT' && String(data).replace(/^"|"$/g, '') === key);
      if (!seen) throw new Error(`DNS record for ${quote(dnsName)} not yet propagated`);
      await process.sleep(settle);
    },
    async cleanUp(challenge) {
      try {
        checkProvider(challenge);
      } catch {
        return;
      }
      const name = nameOf(challenge);
      const before = await valuesAt(name);
      const { key } = challenge.spec;
      if (before.includes(key))
        await change(
          name,
          before,
          before.filter((value) => value !== key),
        );
    },
  };
}
