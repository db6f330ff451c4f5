import type { JsonObject } from '../../cel/values.ts';
import type { RunClock } from './clock.ts';
import type { CompiledCheck } from './conditions.ts';
import { type Probe, responseBinding } from './probe.ts';

interface Probed {
  key: string;
  compiled: CompiledCheck;
}

/** Milliseconds between two requests to one address: at first, and at most. */
const FIRST_PAUSE = 700;
const LONGEST_PAUSE = 5_000;
const TIME_OUT = 3_000;

/** Asks the addresses of `http` checks and the names of `dns` checks for as long as they are wanted, more and more rarely; one request at a time each. */
export function createProber(
  probe: Probe | undefined,
  clock: RunClock,
  answered: (key: string, response: JsonObject | undefined) => void,
) {
  const active = new Map<
    string,
    { pause: number; timer?: { cancel(): void }; ended: AbortController; busy: boolean; run(): void }
  >();

  function start({ key, compiled }: Probed): void {
    const state = {
      pause: FIRST_PAUSE,
      ended: new AbortController(),
      busy: false,
      run: () => void ask(),
    } as NonNullable<ReturnType<typeof active.get>>;
    active.set(key, state);

    async function ask(): Promise<void> {
      if (state.busy || state.ended.signal.aborted) return;
      state.busy = true;
      const response = await askAll(compiled, state.ended.signal);
      state.busy = false;
      if (state.ended.signal.aborted) return;
      answered(key, response);
      state.timer = clock.after(state.pause, state.run);
      state.pause = Math.min(LONGEST_PAUSE, state.pause * 1.3);
    }
    void ask();
  }

  async function askAll({ check, expect }: CompiledCheck, ended: AbortSignal): Promise<JsonObject | undefined> {
    const { http, dns } = check;
    if (!probe) return undefined;
    const within = () => AbortSignal.any([ended, AbortSignal.timeout(TIME_OUT)]);
    // Nobody who answers yet: that is what the check waits for.
    if (dns) return probe.dns(dns, within()).then((reply): JsonObject => ({ ...reply }), none);
    if (!http) return undefined;
    // Of several addresses the first that passes, else the first that answers.
    let answer: JsonObject | undefined;
    for (const url of [http.url].flat()) {
      const response = await probe.http(url, http, within()).then(responseBinding, none);
      if (!response) continue;
      const outcome = expect?.evaluate({ response });
      if (outcome && 'value' in outcome && outcome.value === true) return response;
      answer ??= response;
    }
    return answer;
  }

  function stop(key: string): void {
    const state = active.get(key);
    state?.ended.abort();
    state?.timer?.cancel();
    active.delete(key);
  }

  return {
    /** From now on these, and no others. */
    want(probed: Probed[]): void {
      for (const key of active.keys()) if (!probed.some((one) => one.key === key)) stop(key);
      for (const one of probed) if (!active.has(one.key)) start(one);
    },
    /** Something happened: ask again at once, and often for a while. */
    soon(): void {
      for (const state of active.values()) {
        state.pause = FIRST_PAUSE;
        state.timer?.cancel();
        state.run();
      }
    },
    close(): void {
      for (const key of [...active.keys()]) stop(key);
    },
  };
}

function none(): undefined {
  return undefined;
}
