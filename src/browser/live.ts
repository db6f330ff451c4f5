import type { MapChange, MapState } from '../checks/map.ts';
import type { ActivityEvent, LessonEvent, NoticeEvent } from '../layouts/page-context.ts';

interface LiveEvents {
  lesson: LessonEvent;
  change: Partial<LessonEvent>;
  map: MapState;
  'map-change': MapChange;
  activity: ActivityEvent;
  notice: NoticeEvent;
}
type Listeners = { [Name in keyof LiveEvents]?: (data: LiveEvents[Name]) => void };

interface Options {
  url: string;
  on: Listeners;
  /** `signed-out`: the server is there and does not know this browser. */
  onState(state: 'live' | 'lost' | 'signed-out'): void;
}

const FIRST_RETRY_MS = 400;
const LAST_RETRY_MS = 3000;
/** A laptop that slept this long may hold a connection that is dead without knowing it. */
const ASLEEP_MS = 60_000;

/** The lesson's events, for as long as the page is open: comes back by itself, and is told everything anew when it does. */
export function openLive({ url, on, onState }: Options): void {
  let source: EventSource | undefined;
  let delay = FIRST_RETRY_MS;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let hiddenAt = 0;

  function connect(): void {
    clearTimeout(retry);
    source?.close();
    const opened = new EventSource(url);
    source = opened;
    opened.addEventListener('open', () => {
      delay = FIRST_RETRY_MS;
      onState('live');
    });
    opened.addEventListener('error', () => void lose(opened));
    for (const [name, listener] of Object.entries(on)) {
      opened.addEventListener(name, (event) =>
        (listener as (data: unknown) => void)(JSON.parse((event as MessageEvent<string>).data)),
      );
    }
  }

  async function lose(from: EventSource): Promise<void> {
    if (from !== source) return;
    from.close();
    onState('lost');
    retry = setTimeout(connect, delay * (0.8 + Math.random() * 0.4));
    delay = Math.min(LAST_RETRY_MS, delay * 1.7);
    // An EventSource does not say why it failed.
    const answer = await fetch(location.href, { method: 'HEAD', redirect: 'manual' }).catch(() => undefined);
    if (answer?.status === 401) onState('signed-out');
  }

  addEventListener('online', connect);
  addEventListener('pagehide', () => source?.close());
  addEventListener('pageshow', (event) => event.persisted && connect());
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (source?.readyState !== EventSource.OPEN || Date.now() - hiddenAt > ASLEEP_MS) connect();
  });
  connect();
}
