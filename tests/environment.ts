/** What every test's processes start with: no cluster of whoever runs them, and ports that anybody may open. */
export const TEST_ENVIRONMENT = { KUBECONFIG: '', ATELIER_INGRESS_PORTS: 'high' };
