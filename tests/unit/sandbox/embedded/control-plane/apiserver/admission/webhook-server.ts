import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Loose } from '../../../../../../../kubernetes/object.ts';

export interface WebhookServer {
  url(path: string): string;
  /** What was asked, oldest first, with the path it was asked at. */
  asked: { path: string; request: Loose }[];
  close(): Promise<void>;
}

/** What a webhook answers: a response without its uid, or text as it is. */
export type Answer = (request: Loose) => Loose | string | Promise<Loose | string>;

/** A real HTTPS server with one answer a path; patches are given as operations. */
export async function openWebhookServer(
  tls: { key: string; cert: string },
  answers: Record<string, Answer>,
): Promise<WebhookServer> {
  const asked: WebhookServer['asked'] = [];
  const server = createServer(tls, async (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const review = JSON.parse(Buffer.concat(chunks).toString());
    asked.push({ path, request: review.request });
    const answer = answers[path];
    if (!answer) {
      response.writeHead(404).end('no such hook\n');
      return;
    }
    const given = await answer(review.request);
    if (typeof given === 'string') {
      response.end(given);
      return;
    }
    const { patch, ...rest } = given;
    const packed = patch && {
      patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
      patchType: 'JSONPatch',
    };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        kind: 'AdmissionReview',
        apiVersion: review.apiVersion,
        response: { uid: review.request.uid, ...rest, ...packed },
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (path) => `https://127.0.0.1:${port}${path}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
