export interface NodeSize {
  cpu: string;
  memory: string;
  pods: string;
}

/** What is decided of a node before it runs. */
export interface NodePlan {
  name: string;
  /** InternalIP. */
  address: string;
  podCidr: string;
  labels: Record<string, string>;
  capacity: NodeSize;
}

const zones = ['zone-a', 'zone-b'];

/** `node-1` and its siblings, by turns in one of two zones; a node alone is in none. https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone */
export function nodePlans(count: number, capacity: NodeSize): NodePlan[] {
  // Twice as many addresses as pods, as the real ones have: one is not given again at once.
  const bits = Math.max(8, Math.ceil(Math.log2(2 * Number(capacity.pods))));
  return Array.from({ length: count }, (_, index) => ({
    name: `node-${index + 1}`,
    address: `10.99.0.${index + 1}`,
    podCidr: `10.${244 + ((index << bits) >> 16)}.${((index << bits) >> 8) & 255}.0/${32 - bits}`,
    labels: count > 1 ? labels(zones[index % zones.length]!) : {},
    capacity,
  }));
}

function labels(zone: string): Record<string, string> {
  return {
    'node.kubernetes.io/instance-type': 'simulated',
    'topology.kubernetes.io/region': 'local',
    'topology.kubernetes.io/zone': zone,
  };
}
