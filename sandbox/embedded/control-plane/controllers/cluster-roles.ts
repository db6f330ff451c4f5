import { isDeepStrictEqual } from 'node:util';
import type { Loose } from '../../../../kubernetes/object.ts';
import { type ControllerContext, createController } from './context.ts';
import { matches } from './references.ts';
import { clusterRoles } from './resources.ts';

/** Fills roles that are made of others. https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles */
export function startClusterRoleAggregation(context: ControllerContext): void {
  const { client, queue: makeQueue } = createController(context, 'clusterrole-aggregation-controller');
  const roles = context.informer(clusterRoles);
  const queue = makeQueue(sync, { spacing: 50 });
  roles.on(() => {
    for (const role of roles.list()) if (role.aggregationRule) queue.add(role.metadata.name!);
  });

  async function sync(name: string): Promise<void> {
    await roles.synced;
    const role = roles.get(name);
    if (!role?.aggregationRule) return;
    const rules: Loose[] = [];
    for (const selector of role.aggregationRule.clusterRoleSelectors ?? []) {
      const parts = roles
        .list()
        .filter((other) => other !== role && matches(selector, other.metadata.labels))
        .sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
      for (const part of parts) {
        for (const rule of part.rules ?? []) {
          if (!rules.some((held) => isDeepStrictEqual(held, rule))) rules.push(rule);
        }
      }
    }
    if (isDeepStrictEqual(rules, role.rules ?? [])) return;
    // Nothing is null, as in roles that never had a rule.
    const { rules: _, ...rest } = role;
    roles.observe(await client.update(clusterRoles, { ...rest, ...(rules.length > 0 && { rules }) }));
  }
}
