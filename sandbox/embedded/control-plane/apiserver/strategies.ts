export { strategyOf } from '../resources/registry.ts';
