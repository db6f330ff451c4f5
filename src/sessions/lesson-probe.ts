import { request } from 'node:http';
import { fetchOnce, type Probe, type ProbeResponse } from '../checks/probe.ts';

/** Bytes of an answer that are read. */
const LONGEST_BODY = 256 * 1024;

/** Asks an address as the learner's own shell would: loopback as it is, the rest through the embedded cluster's proxy. */
export function probeFor(proxy: string | undefined): Probe {
  return (url, from, signal) => {
    const { hostname } = new URL(url);
    const direct = from === 'server' || !proxy || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
    return direct ? fetchOnce(url, signal) : throughProxy(url, proxy, signal);
  };
}

function throughProxy(url: string, proxy: string, signal: AbortSignal): Promise<ProbeResponse> {
  const { hostname, port } = new URL(proxy);
  return new Promise((resolve, reject) => {
    const asking = request({ hostname, port, path: url, headers: { host: new URL(url).host }, signal }, (answer) => {
      const parts: Buffer[] = [];
      let length = 0;
      answer.on('data', (part: Buffer) => {
        length += part.length;
        if (length <= LONGEST_BODY) parts.push(part);
        else answer.destroy();
      });
      answer.on('error', reject);
      answer.on('close', () => {
        const headers = Object.fromEntries(
          Object.entries(answer.headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.join(', ') : (value ?? ''),
          ]),
        );
        resolve({ status: answer.statusCode ?? 0, headers, body: Buffer.concat(parts).toString('utf8') });
      });
    });
    asking.on('error', reject);
    asking.end();
  });
}
