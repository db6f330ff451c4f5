import type { IncomingMessage } from 'node:http';
import type { Gvr, KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { CallTimeout, callHttp } from '../../http/client.ts';
import { readBody } from '../../http/server.ts';
import { dialError, requestError } from '../../in-cluster/words.ts';
import { about, type Logger } from '../log.ts';
import { isNotFound, type Manager } from '../manager.ts';
import { ingresses, isControlledBy, pods, quote, services } from '../objects.ts';
import type { Solver } from './challenges.ts';
import { ingressOf, labelsOf, pathOf, podOf, serviceOf } from './http-objects.ts';

/** How often the answer must be seen, and milliseconds between: the real program takes two seconds. */
const passes = 5;
const between = 100;
const longest = 10_000;
const redirects = 10;

/** Answers over HTTP, by a pod of its own behind an Ingress. https://cert-manager.io/docs/configuration/acme/http01/ */
export function createHttpSolver(manager: Manager): Solver {
  function owned(resource: Gvr, challenge: KubeObject): KubeObject[] {
    const wanted = Object.entries(labelsOf(challenge));
    return manager
      .informer(resource)
      .list(challenge.metadata.namespace)
      .filter(({ metadata }) => wanted.every(([name, value]) => metadata.labels?.[name] === value))
      .filter((object) => isControlledBy(object, challenge));
  }

  async function removeAll(resource: Gvr, challenge: KubeObject): Promise<void> {
    for (const object of owned(resource, challenge)) await manager.remove(resource, object, true);
  }

  /** The one object of a kind, made when there is none. */
  async function ensure(
    resource: Gvr,
    what: string,
    challenge: KubeObject,
    log: Logger,
    make: () => KubeObject,
  ): Promise<KubeObject> {
    const [first, ...more] = owned(resource, challenge);
    if (!first) return manager.create(resource, make());
    const where = log.named(`ensure${what}`);
    if (more.length > 0) {
      await removeAll(resource, challenge);
      const plural = what === 'Ingress' ? 'ingresses' : `${what.toLowerCase()}s`;
      throw new Error(`multiple existing challenge solver ${plural} found and cleaned up. retrying challenge sync`);
    }
    const told: Record<string, [string, string]> = {
      Pod: ['pod.go:80', 'found one existing HTTP01 solver pod'],
      Service: ['service.go:47', 'found one existing HTTP01 solver Service for challenge resource'],
      Ingress: ['ingress.go:98', 'found one existing HTTP01 solver ingress'],
    };
    const [source, message] = told[what] ?? ['', ''];
    where.info(source, message, about(first, 'related_resource'));
    return first;
  }

  async function present(challenge: KubeObject, log: Logger): Promise<void> {
    const own = log.named('http01');
    const settings = challenge.spec.solver.http01 ?? {};
    const problems: string[] = [];
    const attempt = async <T>(make: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await make();
      } catch (error) {
        problems.push((error as Error).message);
        return undefined;
      }
    };
    await attempt(() => ensure(pods, 'Pod', challenge, own, () => podOf(challenge, manager.options)));
    const service = await attempt(() =>
      ensure(services, 'Service', challenge, own, () => serviceOf(challenge, manager.options)),
    );
    if (service) {
      const name = service.metadata.name ?? '';
      if (settings.ingress?.name) await attempt(() => addPath(challenge, settings.ingress.name, name));
      else if (settings.ingress) await attempt(() => ensureIngress(challenge, name, own));
      else {
        const where = `couldn't Present challenge ${challenge.metadata.namespace}/${challenge.metadata.name}`;
        problems.push(
          settings.gatewayHTTPRoute
            ? `${where}: gateway api is not enabled`
            : `${where}: no Ingress nor Gateway HTTP01 solvers were specified`,
        );
      }
    }
    if (problems.length > 0) throw new Error(problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`);
  }

  async function ensureIngress(challenge: KubeObject, service: string, log: Logger): Promise<void> {
    const { class: named, ingressClassName } = challenge.spec.solver.http01.ingress;
    if (named !== undefined && ingressClassName !== undefined)
      throw new Error('the fields ingressClassName and class cannot be set at the same time');
    const make = () => ingressOf(challenge, service, manager.options);
    const ingress = await ensure(ingresses, 'Ingress', challenge, log, make);
    if (ingress.spec.rules[0]?.http?.paths[0]?.backend.service?.name === service) return;
    await removeAll(ingresses, challenge);
    throw new Error(
      'service name changed, existing challenge solver ingresses found and cleaned up. retrying challenge sync',
    );
  }

  /** Puts the path first into an Ingress that the solver names. */
  async function addPath(challenge: KubeObject, name: string, service: string): Promise<void> {
    const { namespace = '' } = challenge.metadata;
    const ingress = manager.informer(ingresses).get(name, namespace);
    if (!ingress) throw new Error(`ingress.networking.k8s.io ${quote(name)} not found`);
    const path = pathOf(challenge, service);
    const rules: Loose[] = ingress.spec.rules ?? [];
    const own = rules.find(({ host }) => host === challenge.spec.dnsName);
    const others: Loose[] = (own?.http?.paths ?? []).filter((one: Loose) => one.path !== path.path);
    const present = own?.http?.paths?.some(
      (one: Loose) => one.path === path.path && one.backend.service?.name === service,
    );
    if (present) return;
    const rule = { ...own, host: challenge.spec.dnsName, http: { paths: [path, ...others] } };
    const next = own ? rules.map((one) => (one === own ? rule : one)) : [...rules, rule];
    await manager.client.update(ingresses, { ...ingress, spec: { ...ingress.spec, rules: next } });
  }

  async function removePath(challenge: KubeObject, name: string, log: Logger): Promise<void> {
    let ingress: KubeObject;
    try {
      ingress = await manager.client.get(ingresses, name, challenge.metadata.namespace);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      log.error('ingress.go:363', (error as Error).message, 'named ingress resource not found, skipping cleanup');
      return;
    }
    const gone = pathOf(challenge, '').path;
    const rules = (ingress.spec.rules ?? [])
      .map((rule: Loose) =>
        rule.host === challenge.spec.dnsName && rule.http
          ? { ...rule, http: { paths: rule.http.paths.filter((one: Loose) => one.path !== gone) } }
          : rule,
      )
      .filter((rule: Loose) => !rule.http || rule.http.paths.length > 0);
    await manager.client.update(ingresses, { ...ingress, spec: { ...ingress.spec, rules } });
  }

  return {
    present,
    async check(challenge, log) {
      await present(challenge, log);
      for (let pass = 1; pass <= passes; pass += 1) {
        await look(manager, challenge);
        if (pass < passes) await manager.process.sleep(between);
      }
    },
    async cleanUp(challenge, log) {
      await removeAll(pods, challenge);
      await removeAll(services, challenge);
      const ingress = challenge.spec.solver.http01?.ingress;
      if (ingress?.name) await removePath(challenge, ingress.name, log.named('cleanupIngresses'));
      else if (ingress) await removeAll(ingresses, challenge);
    },
  };
}

/** Asks for the answer as the authority will. Throws in the real program's words. */
async function look(manager: Manager, challenge: KubeObject): Promise<void> {
  const { dnsName, token, key } = challenge.spec;
  const host = dnsName.includes(':') ? `[${dnsName}]` : dnsName;
  const first = `http://${host}/.well-known/acme-challenge/${token}`;
  const answer = await follow(manager, first);
  if (answer.status !== 200) throw new Error(`wrong status code '${answer.status}', expected '200'`);
  if (answer.text !== key) throw new Error(`did not get expected response ${quote(key)} when querying endpoint`);
}

async function follow(manager: Manager, first: string): Promise<{ status: number; text: string }> {
  const { process } = manager;
  let url = new URL(first);
  for (let hop = 0; ; hop += 1) {
    const failed = (why: string): Error =>
      new Error(
        `failed to perform self check GET request '${first}': ${requestError('GET', hop === 0 ? first : url.href, why).message}`,
      );
    if (hop >= redirects) throw failed(`stopped after ${redirects} redirects`);
    let response: IncomingMessage;
    try {
      const headers = { 'User-Agent': 'cert-manager-challenges/v1.21.2 (linux/amd64) cert-manager' };
      // A redirect to HTTPS meets the certificate that is only being made.
      response = await callHttp(process, { url, method: 'GET', headers, timeout: longest, insecure: true });
    } catch (error) {
      if (process.killed.aborted) throw error;
      if (error instanceof CallTimeout)
        throw failed('context deadline exceeded (Client.Timeout exceeded while awaiting headers)');
      const port = url.port || (url.protocol === 'https:' ? '443' : '80');
      throw failed(dialError(await addressOf(manager, url.hostname, port), error as NodeJS.ErrnoException));
    }
    const { statusCode: status = 0, headers } = response;
    if (status >= 300 && status < 400 && headers.location) {
      response.resume();
      url = new URL(headers.location, url);
      continue;
    }
    return { status, text: (await readBody(response)).toString('utf8') };
  }
}

/** Go tells the address it dialled; a name that has none stays a name. */
async function addressOf(manager: Manager, host: string, port: string): Promise<string> {
  try {
    const { addresses } = await manager.process.container.network.resolve(host);
    return `${addresses[0] ?? host}:${port}`;
  } catch {
    return `${host}:${port}`;
  }
}
