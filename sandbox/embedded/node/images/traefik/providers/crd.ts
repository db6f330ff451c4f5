import { emptyDynamic } from '../dynamic.ts';
import type { Provider, ProviderContext } from './provider.ts';

export function crdProvider(context: ProviderContext): Provider {
  return {
    name: 'kubernetescrd',
    title: '*crd.Provider',
    start(tell) {
      context.watches();
      tell(emptyDynamic());
    },
  };
}
