import { callHttp } from '../http/client.ts';
import type { ContainerProcess } from '../image.ts';
import { dialError } from '../in-cluster/words.ts';
import type { Options } from './configuration/options.ts';
import { entryPointsOf } from './configuration/static.ts';

/** `traefik healthcheck`: asks /ping of the Traefik that has the same options. */
export async function healthcheck(process: ContainerProcess, options: Options): Promise<number> {
  const failed = async (text: string): Promise<number> => {
    await process.stdout.write(`Error calling healthcheck: ${text}\n`);
    return 1;
  };
  if (!options.has('ping')) return failed('please enable `ping` to use health check');
  const name = options.text('ping.entrypoint');
  const entry = entryPointsOf(options).find((one) => one.name === name);
  if (!entry) return failed(`ping: missing ${name} entry point`);
  const url = `http://${entry.host}:${entry.port}/ping`;
  try {
    const answer = await callHttp(process, {
      url: new URL(`http://127.0.0.1:${entry.port}/ping`),
      method: 'HEAD',
      headers: {},
      timeout: 5000,
    });
    const status = `${answer.statusCode} ${answer.statusMessage}`;
    await process.stdout.write(answer.statusCode === 200 ? `OK: ${url}\n` : `Bad healthcheck status: ${status}\n`);
    return answer.statusCode === 200 ? 0 : 1;
  } catch (error) {
    return failed(`Head "${url}": ${dialError(`${entry.host}:${entry.port}`, error as NodeJS.ErrnoException)}`);
  }
}
