import { existsSync } from 'node:fs';
import { type RequestOptions, request } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { parseDuration } from '../../kubernetes/duration.ts';
import { UserError } from '../server/user-error.ts';

/**
 * Lets time pass at once in the cluster of a kubeconfig, and answers what to say of it. Timers fire, timestamps stay real.
 * Throws a UserError for a cluster that does not run, is a real one, or refuses.
 */
export async function skip(kubeconfig: string, duration: string): Promise<string> {
  if (parseDuration(duration) === undefined)
    throw new UserError(`${duration} is no duration: give one such as 90s, 5m or 1h30m.`, 2);
  if (!existsSync(kubeconfig))
    throw new UserError('no embedded cluster of this name runs here: start one with atelier cluster.');
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const server = config.getCurrentCluster()?.server.replace(/\/$/, '');
  const options: RequestOptions = { method: 'POST', headers: { 'content-type': 'application/json' } };
  await config.applyToHTTPSOptions(options);
  const { code, text } = await send(`${server}/atelier.dev/clock`, options, { skip: duration }).catch(
    (error: Error) => {
      throw new UserError(`the cluster at ${server} does not answer (${error.message}): start it and try again.`);
    },
  );
  if (code === 200) return `skipped ${duration}: what was due has fired; timestamps stay real`;
  const { message } = JSON.parse(text.startsWith('{') ? text : '{}') as { message?: string };
  throw new UserError(
    code === 404
      ? 'this is a real cluster: only the time of an embedded one can be skipped; wait, or shorten the durations.'
      : `the cluster refuses: ${message ?? `HTTP ${code}`}.`,
  );
}

function send(url: string, options: RequestOptions, body: object): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ code: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}
