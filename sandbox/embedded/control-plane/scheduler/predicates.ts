export { nodeSelectorHolds, tolerates, unschedulableTaint, wantsNode } from '../../../../kubernetes/node-selection.ts';
