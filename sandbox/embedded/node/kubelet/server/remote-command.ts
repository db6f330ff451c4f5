import { execFailure } from '../probes.ts';
import type { Instance } from '../records.ts';
import { exitStatus, internalError, type RemoteOptions, type RemoteStreams, success } from './remote-streams.ts';

/** Runs a command in a running container for a client. https://kubernetes.io/docs/reference/kubectl/generated/kubectl_exec/ */
export async function runExec(
  instance: Instance,
  options: RemoteOptions,
  streams: RemoteStreams,
  newId: () => string,
): Promise<void> {
  const { container } = instance;
  const why = container.startError(options.command[0] ?? '');
  if (why) {
    return streams.finish(
      internalError(`error executing command in container: ${execFailure(`containerd://${newId()}`, why)}`),
    );
  }
  const size = { columns: 80, rows: 24 };
  const listeners: (() => void)[] = [];
  streams.onResize((columns, rows) => {
    size.columns = columns;
    size.rows = rows;
    for (const listener of listeners) listener();
  });
  const none = async () => {};
  const started = container.start({
    argv: options.command,
    ...(streams.stdin && { stdin: streams.stdin }),
    stdout: streams.stdout ?? none,
    stderr: streams.stderr ?? (options.tty ? (streams.stdout ?? none) : none),
    ...(options.tty && {
      tty: {
        get columns() {
          return size.columns;
        },
        get rows() {
          return size.rows;
        },
        onResize: (listener: () => void) => void listeners.push(listener),
      },
    }),
  });
  const gone = streams.closed.then(() => {
    started.signal('SIGHUP');
    started.signal('SIGKILL');
    return undefined;
  });
  const code = await Promise.race([started.exit, gone]);
  if (code !== undefined) await streams.finish(exitStatus(code));
}

/** Joins a client with the main process. https://kubernetes.io/docs/reference/kubectl/generated/kubectl_attach/ */
export async function runAttach(instance: Instance, streams: RemoteStreams): Promise<void> {
  const none = async () => {};
  const { stdin } = instance;
  let detach = () => {};
  if (streams.stdin && stdin) {
    const source = streams.stdin;
    void (async () => {
      for await (const data of source) stdin.push(data);
      // As containerd: who has said all, and leaves the container its standard input, is let go.
      if (!stdin.end()) detach();
    })();
  }
  streams.onResize((columns, rows) => instance.resize?.(columns, rows));
  await new Promise<void>((resolve) => {
    const attachment = {
      write: (stream: 'stdout' | 'stderr', data: Uint8Array) =>
        ((stream === 'stdout' ? streams.stdout : streams.stderr) ?? none)(data),
      end: resolve,
    };
    instance.attached.add(attachment);
    detach = () => {
      instance.attached.delete(attachment);
      resolve();
    };
    void streams.closed.then(detach);
  });
  await streams.finish(success);
}
