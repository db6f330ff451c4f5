import { mount } from 'svelte';
import type { BrowserMessages } from '../../i18n/messages.ts';
import ClusterMap from './ClusterMap.svelte';
import type { MapStore } from './store.ts';

export function mountMap(
  target: HTMLElement,
  props: { map: MapStore; words: BrowserMessages; starter: string | undefined },
): void {
  mount(ClusterMap, { target, props });
}
