import { createHash } from 'node:crypto';
import type { ContainerProcess } from '../image.ts';
import { Pipe, readAll } from '../process/streams.ts';
import type { AcmeAuthorization, AcmeClient } from './acme-client.ts';
import { CertbotError, type Display } from './display.ts';
import type { CertbotOptions } from './options.ts';

/** One thing to prove, and what proves it. */
interface Task {
  authorization: AcmeAuthorization;
  challenge: AcmeAuthorization['challenges'][number];
  domain: string;
  validation: string;
  /** What its hook was given. */
  env: Record<string, string>;
}

const SUBSEQUENT = `
(This must be set up in addition to the previous challenges; do not remove,
replace, or undo the previous challenge tasks yet.`;
const SUBSEQUENT_DNS = `${SUBSEQUENT} Note that you might be
asked to create multiple distinct TXT records with the same name. This is
permitted by DNS standards.)
`;

const verifyText = (name: string): string => `
Before continuing, verify the TXT record has been deployed. Depending on the DNS
provider, this may take some time, from a few seconds to multiple minutes. You can
check if it has finished deploying with aid of online tools, such as the Google
Admin Toolbox: https://toolbox.googleapps.com/apps/dig/#TXT/${name}.
Look for one or more bolded line(s) below the line ';ANSWER'. It should show the
value(s) you've just added.
`;

/** Refuses what cannot work before the server is asked. */
export function checkManual(process: ContainerProcess, { flags, authHook, cleanupHook }: CertbotOptions): void {
  const broken = (why: string) =>
    new CertbotError(
      `The manual plugin is not working; there may be problems with your existing configuration.\nThe error was: ${why}`,
    );
  if (flags.has('non-interactive') && !authHook)
    throw broken(
      "PluginError('An authentication script must be provided with --manual-auth-hook when using the manual plugin non-interactively.')",
    );
  for (const [name, hook] of [
    ['manual-auth', authHook],
    ['manual-cleanup', cleanupHook],
  ] as const) {
    const command = hook?.trim().split(/\s+/)[0];
    if (!command) continue;
    const { found } = process.find(command);
    if (found === 'forbidden')
      throw broken(`HookCommandNotFound('${name}-hook command ${command} exists, but is not executable.')`);
    if (found === 'missing' || found === 'directory')
      throw broken(
        `HookCommandNotFound('Unable to find ${name}-hook command ${command} in the PATH.\\n(PATH is ${process.env.PATH})')`,
      );
  }
}

/** Has the learner, or a hook, prove each name; rejects with what failed. */
export async function proveByHand(
  process: ContainerProcess,
  client: AcmeClient,
  authorizations: AcmeAuthorization[],
  options: CertbotOptions,
  display: Display,
): Promise<void> {
  const tasks: Task[] = [];
  for (const one of authorizations.filter(({ status }) => status !== 'valid')) {
    const task = await taskOf(client, one, options);
    if (!task) {
      // Logged where it is found, and again as it ends.
      await display.complain(UNSUITED);
      throw new CertbotError(UNSUITED);
    }
    tasks.push(task);
  }
  if (tasks.length === 0) return;
  const lastDns = tasks.map(({ challenge }) => challenge.type).lastIndexOf('dns-01');
  try {
    for (const [index, task] of tasks.entries()) {
      if (options.authHook) await byHook(process, task, tasks, index, options.authHook, display);
      else await display.framed(instructions(task, tasks.slice(0, index), index === lastDns), true);
    }
    for (const { challenge } of tasks) await client.answer(challenge.url);
    const failed = await settled(process, client, tasks);
    if (failed.length > 0) {
      await display.notify(report(failed, tasks, options));
      throw new CertbotError('Some challenges have failed.');
    }
  } finally {
    if (options.cleanupHook)
      for (const task of tasks) await runHook(process, 'cleanup-hook', task, options.cleanupHook, display);
  }
}

async function taskOf(
  client: AcmeClient,
  authorization: AcmeAuthorization,
  { challenges }: CertbotOptions,
): Promise<Task | undefined> {
  const wanted = challenges.length > 0 ? challenges : (['http-01', 'dns-01'] as const);
  const challenge = wanted
    .map((type) => authorization.challenges.find((one) => one.type === type))
    .find((one) => one !== undefined);
  if (!challenge) return undefined;
  const key = await client.keyAuthorization(challenge.token);
  const validation = challenge.type === 'dns-01' ? createHash('sha256').update(key).digest('base64url') : key;
  return { authorization, challenge, domain: authorization.identifier.value, validation, env: {} };
}

/** Where a wildcard is to be proved by HTTP. */
const UNSUITED =
  'Client with the currently selected authenticator does not support any combination of challenges that will satisfy the CA. You may need to use an authenticator plugin that can do challenges over DNS.';

function instructions({ challenge, domain, validation }: Task, before: Task[], isLastDns: boolean): string {
  if (challenge.type === 'http-01') {
    const url = `http://${domain}/.well-known/acme-challenge/${challenge.token}`;
    const text = `Create a file containing just this data:\n\n${validation}\n\nAnd make it available on your web server at this URL:\n\n${url}\n`;
    return before.length > 0 ? `${text}${SUBSEQUENT})\n` : text;
  }
  const name = `_acme-challenge.${domain}`;
  const text = `Please deploy a DNS TXT record under the name:\n\n${name}.\n\nwith the following value:\n\n${validation}\n`;
  const anotherDns = before.some((task) => task.challenge.type === 'dns-01');
  const more = anotherDns ? SUBSEQUENT_DNS : before.length > 0 ? `${SUBSEQUENT})\n` : '';
  return `${text}${more}${isLastDns ? verifyText(name) : ''}`;
}

async function byHook(
  process: ContainerProcess,
  task: Task,
  tasks: Task[],
  index: number,
  hook: string,
  display: Display,
): Promise<void> {
  const all = tasks.map(({ domain }) => domain).join(',');
  task.env = {
    CERTBOT_DOMAIN: task.domain,
    CERTBOT_IDENTIFIER: task.domain,
    CERTBOT_VALIDATION: task.validation,
    CERTBOT_ALL_DOMAINS: all,
    CERTBOT_ALL_IDENTIFIERS: all,
    CERTBOT_REMAINING_CHALLENGES: String(tasks.length - index - 1),
    ...(task.challenge.type === 'http-01' && { CERTBOT_TOKEN: task.challenge.token }),
  };
  task.env.CERTBOT_AUTH_OUTPUT = await runHook(process, 'auth-hook', task, hook, display);
}

/** What it printed. */
async function runHook(
  process: ContainerProcess,
  name: 'auth-hook' | 'cleanup-hook',
  { env, domain }: Task,
  hook: string,
  display: Display,
): Promise<string> {
  const [out, err] = [new Pipe(), new Pipe()];
  const started = process.spawn({
    argv: ['/bin/sh', '-c', hook],
    env: { ...process.env, ...env },
    stdout: out,
    stderr: err,
  });
  const [code, said, wrong] = await process.idle(Promise.all([started.exit, readAll(out), readAll(err)]));
  const title = `Hook '--manual-${name}' for ${domain}`;
  const indented = (text: string) => text.replace(/^(?=.)/gm, ' ');
  if (code !== 0) await display.complain(`${title} reported error code ${code}`);
  const [output, errors] = [said.toString().trim(), wrong.toString().trim()];
  if (output) await display.notify(`${title} ran with output:\n${indented(output)}`);
  if (errors) await display.complain(`${title} ran with error output:\n${indented(errors)}`);
  return output;
}

/** Waits for each to be decided; those that failed. */
async function settled(process: ContainerProcess, client: AcmeClient, tasks: Task[]): Promise<AcmeAuthorization[]> {
  const failed: AcmeAuthorization[] = [];
  for (const { authorization } of tasks) {
    for (;;) {
      const now = await client.authorization(authorization.url);
      if (now.status === 'valid') break;
      if (now.status !== 'pending') {
        failed.push(now);
        break;
      }
      await process.sleep(300);
    }
  }
  return failed;
}

function report(failed: AcmeAuthorization[], tasks: Task[], { authHook }: CertbotOptions): string {
  const problems = failed.map(({ identifier, challenges }) => {
    const { type = '', detail = '' } = challenges.find(({ error }) => error)?.error ?? {};
    const short = type.replace('urn:ietf:params:acme:error:', '');
    return `  Identifier: ${identifier.value}\n  Type:   ${short}\n  Detail: ${detail}\n`;
  });
  const wrong = tasks.filter(({ authorization }) => failed.some(({ url }) => url === authorization.url));
  const dns = wrong.some(({ challenge }) => challenge.type === 'dns-01');
  const http = wrong.some(({ challenge }) => challenge.type === 'http-01');
  const resources = [...(dns ? ['DNS TXT records'] : []), ...(http ? ['challenge files'] : [])].join(' and ');
  const hint = authHook
    ? `The Certificate Authority failed to verify the ${resources} created by the --manual-auth-hook. Ensure that this hook is functioning correctly${dns ? ' and that it waits a sufficient duration of time for DNS propagation' : ''}. Refer to "certbot --help manual" and the Certbot User Guide.`
    : `The Certificate Authority failed to verify the manually created ${resources}. Ensure that you created these in the correct location${dns ? ', or try waiting longer for DNS propagation on the next attempt' : ''}.`;
  return `\nCertbot failed to authenticate some domains (authenticator: manual). The Certificate Authority reported these problems:\n${problems.join('\n')}\nHint: ${hint}\n`;
}
