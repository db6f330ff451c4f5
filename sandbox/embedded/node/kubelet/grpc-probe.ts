import { connect } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock.ts';

export interface GrpcProbe {
  host: string;
  port: number;
  service: string;
  /** Milliseconds. */
  limit: number;
  /** The same by the real clock, while time is skipped. */
  least: number;
  dial(): Promise<Duplex>;
}

const UNIMPLEMENTED = 12;

/** Asks a server how it is, in the words of the kubelet's failures; undefined when it serves. https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#define-a-grpc-liveness-probe */
export async function probeGrpc(
  { host, port, service, limit, least, dial }: GrpcProbe,
  clock: Clock,
): Promise<string | undefined> {
  const address = `${host}:${port}`;
  const within = `${limit / 1000}s`;
  // Whoever cannot connect tries again until the time is over.
  const unconnected = `timeout: failed to connect service "${address}" within ${within}: context deadline exceeded`;
  return new Promise((resolve) => {
    let settle: (failure: string | undefined) => void = resolve;
    let late = unconnected;
    let close = () => {};
    const timer = clock.after(limit, () => settle(late), least);
    settle = (failure) => {
      timer.cancel();
      close();
      resolve(failure);
    };
    const ask = (socket: Duplex): void => {
      late = `timeout: health rpc did not complete within ${within}`;
      const session = connect(`http://${address}`, { createConnection: () => socket as never });
      close = () => {
        session.destroy();
        socket.destroy();
      };
      session.on('error', () => settle(unconnected));
      const stream = session.request({
        ':method': 'POST',
        ':path': '/grpc.health.v1.Health/Check',
        'content-type': 'application/grpc',
        'user-agent': 'kube-probe/1.35 grpc-go/1.72.2',
        te: 'trailers',
      });
      const name = Buffer.from(service);
      const message = name.length > 0 ? Buffer.concat([Buffer.from([10, name.length]), name]) : Buffer.alloc(0);
      stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
      const chunks: Buffer[] = [];
      let status = 0;
      let text = '';
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      for (const event of ['response', 'trailers'] as const)
        stream.on(event, (headers) => {
          status = Number(headers['grpc-status'] ?? status);
          text = String(headers['grpc-message'] ?? text);
        });
      stream.on('error', () => settle(unconnected));
      stream.on('end', () => settle(judge(Buffer.concat(chunks), status, text)));
    };
    dial().then(ask, () => {
      // Refused now, and as far as the learner can tell at the end of the time, too.
    });
  });
}

function judge(answer: Buffer, status: number, text: string): string | undefined {
  if (status === UNIMPLEMENTED)
    return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${text}`;
  if (status !== 0) return `error: health rpc probe failed: rpc error: code = ${status} desc = ${text}`;
  const serving = answer.subarray(5).at(1) ?? 0;
  const names = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
  return serving === 1 ? undefined : `service unhealthy (responded with "${names[serving] ?? 'UNKNOWN'}")`;
}
