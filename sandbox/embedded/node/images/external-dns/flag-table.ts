/**
 * Every flag of external-dns 0.20, in the order in which it prints its configuration: name, kind, field, default.
 * Most are for providers that are not played here: they are known, so that a manifest of the real one is understood.
 */
export const flagTable = `
server String APIServerURL
kubeconfig String KubeConfig
request-timeout Duration RequestTimeout 30s
default-targets Strings DefaultTargets []
gloo-namespace Strings GlooNamespaces [gloo-system]
skipper-routegroup-groupversion String SkipperRouteGroupVersion zalando.org/v1
source Enums:service,ingress,node,pod,gateway-httproute,gateway-grpcroute,gateway-tlsroute,gateway-tcproute,gateway-udproute,istio-gateway,istio-virtualservice,cloudfoundry,contour-httpproxy,gloo-proxy,fake,connector,crd,empty,skipper-routegroup,openshift-route,ambassador-host,kong-tcpingress,f5-virtualserver,f5-transportserver,traefik-proxy Sources []
namespace String Namespace
annotation-filter String AnnotationFilter
annotation-prefix String AnnotationPrefix external-dns.alpha.kubernetes.io/
label-filter String LabelFilter
ingress-class Strings IngressClassNames []
fqdn-template String FQDNTemplate
combine-fqdn-annotation Bool CombineFQDNAndAnnotation false
ignore-hostname-annotation Bool IgnoreHostnameAnnotation false
ignore-non-host-network-pods Bool IgnoreNonHostNetworkPods false
ignore-ingress-tls-spec Bool IgnoreIngressTLSSpec false
ignore-ingress-rules-spec Bool IgnoreIngressRulesSpec false
listen-endpoint-events Bool ListenEndpointEvents false
expose-internal-ipv6 Bool ExposeInternalIPV6 false
gateway-name String GatewayName
gateway-namespace String GatewayNamespace
gateway-label-filter String GatewayLabelFilter
compatibility Enum:,mate,molecule,kops-dns-controller Compatibility
pod-source-domain String PodSourceDomain
publish-internal-services Bool PublishInternal false
publish-host-ip Bool PublishHostIP false
always-publish-not-ready-addresses Bool AlwaysPublishNotReadyAddresses false
connector-source-server String ConnectorSourceServer localhost:8080
provider Enum:akamai,alibabacloud,aws,aws-sd,azure,azure-dns,azure-private-dns,civo,cloudflare,coredns,digitalocean,dnsimple,exoscale,gandi,godaddy,google,inmemory,linode,ns1,oci,ovh,pdns,pihole,plural,rfc2136,scaleway,skydns,transip,webhook Provider
provider-cache-time Duration ProviderCacheTime 0s
google-project String GoogleProject
google-batch-change-size Int GoogleBatchChangeSize 1000
google-batch-change-interval Duration GoogleBatchChangeInterval 1s
google-zone-visibility Enum:,public,private GoogleZoneVisibility
domain-filter Strings DomainFilter []
exclude-domains Strings ExcludeDomains []
regex-domain-filter Regexp RegexDomainFilter
regex-domain-exclusion Regexp RegexDomainExclusion
zone-name-filter Strings ZoneNameFilter []
zone-id-filter Strings ZoneIDFilter []
target-net-filter Strings TargetNetFilter []
exclude-target-net Strings ExcludeTargetNets []
alibaba-cloud-config-file String AlibabaCloudConfigFile /etc/kubernetes/alibaba-cloud.json
alibaba-cloud-zone-type Enum:,public,private AlibabaCloudZoneType
aws-zone-type Enum:,public,private AWSZoneType
aws-zone-tags Strings AWSZoneTagFilter []
aws-assume-role String AWSAssumeRole
aws-profile Strings AWSProfiles []
aws-assume-role-external-id String AWSAssumeRoleExternalID
aws-batch-change-size Int AWSBatchChangeSize 1000
aws-batch-change-size-bytes Int AWSBatchChangeSizeBytes 32000
aws-batch-change-size-values Int AWSBatchChangeSizeValues 1000
aws-batch-change-interval Duration AWSBatchChangeInterval 1s
aws-evaluate-target-health Bool AWSEvaluateTargetHealth true
aws-api-retries Int AWSAPIRetries 3
aws-prefer-cname Bool AWSPreferCNAME false
aws-zones-cache-duration Duration AWSZoneCacheDuration 0s
aws-sd-service-cleanup Bool AWSSDServiceCleanup false
aws-sd-create-tag StringMap AWSSDCreateTag map[]
aws-zone-match-parent Bool AWSZoneMatchParent false
dynamodb-region String AWSDynamoDBRegion
dynamodb-table String AWSDynamoDBTable external-dns
azure-config-file String AzureConfigFile /etc/kubernetes/azure.json
azure-resource-group String AzureResourceGroup
azure-subscription-id String AzureSubscriptionID
azure-user-assigned-identity-client-id String AzureUserAssignedIdentityClientID
- - AzureActiveDirectoryAuthorityHost 
azure-zones-cache-duration Duration AzureZonesCacheDuration 0s
azure-maxretries-count Int AzureMaxRetriesCount 3
cloudflare-proxied Bool CloudflareProxied false
cloudflare-custom-hostnames Bool CloudflareCustomHostnames false
cloudflare-dns-records-per-page Int CloudflareDNSRecordsPerPage 100
cloudflare-record-comment String CloudflareDNSRecordsComment
cloudflare-custom-hostnames-min-tls-version Enum:1.0,1.1,1.2,1.3 CloudflareCustomHostnamesMinTLSVersion 1.0
cloudflare-custom-hostnames-certificate-authority Enum:google,ssl_com,lets_encrypt,none CloudflareCustomHostnamesCertificateAuthority none
cloudflare-regional-services Bool CloudflareRegionalServices false
cloudflare-region-key String CloudflareRegionKey
coredns-prefix String CoreDNSPrefix /skydns/
akamai-serviceconsumerdomain String AkamaiServiceConsumerDomain
akamai-client-token String AkamaiClientToken
akamai-client-secret String AkamaiClientSecret
akamai-access-token String AkamaiAccessToken
akamai-edgerc-path String AkamaiEdgercPath
akamai-edgerc-section String AkamaiEdgercSection
oci-config-file String OCIConfigFile /etc/kubernetes/oci.yaml
oci-compartment-ocid String OCICompartmentOCID
oci-auth-instance-principal Bool OCIAuthInstancePrincipal false
oci-zone-scope Enum:,GLOBAL,PRIVATE OCIZoneScope GLOBAL
oci-zones-cache-duration Duration OCIZoneCacheDuration 0s
inmemory-zone Strings InMemoryZones []
ovh-endpoint String OVHEndpoint ovh-eu
ovh-api-rate-limit Int OVHApiRateLimit 20
ovh-enable-cname-relative Bool OVHEnableCNAMERelative false
pdns-server String PDNSServer http://localhost:8081
pdns-server-id String PDNSServerID localhost
pdns-api-key String PDNSAPIKey
pdns-skip-tls-verify Bool PDNSSkipTLSVerify false
tls-ca String TLSCA
tls-client-cert String TLSClientCert
tls-client-cert-key String TLSClientCertKey
policy Enum:sync,upsert-only,create-only Policy sync
registry Enum:txt,noop,dynamodb,aws-sd Registry txt
txt-owner-id String TXTOwnerID default
migrate-from-txt-owner String TXTOwnerOld
txt-prefix String TXTPrefix
txt-suffix String TXTSuffix
txt-encrypt-enabled Bool TXTEncryptEnabled false
txt-encrypt-aes-key String TXTEncryptAESKey
interval Duration Interval 1m0s
min-event-sync-interval Duration MinEventSyncInterval 5s
- - MinTTL 0s
once Bool Once false
dry-run Bool DryRun false
events Bool UpdateEvents false
log-format Enum:text,json LogFormat text
metrics-address String MetricsAddress :7979
log-level Enum:panic,fatal,error,warning,info,debug,trace LogLevel info
txt-cache-interval Duration TXTCacheInterval 0s
txt-wildcard-replacement String TXTWildcardReplacement
- - ExoscaleEndpoint 
exoscale-apikey String ExoscaleAPIKey
exoscale-apisecret String ExoscaleAPISecret
exoscale-apienv String ExoscaleAPIEnvironment api
exoscale-apizone String ExoscaleAPIZone ch-gva-2
crd-source-apiversion String CRDSourceAPIVersion externaldns.k8s.io/v1alpha1
crd-source-kind String CRDSourceKind DNSEndpoint
service-type-filter Strings ServiceTypeFilter []
cf-api-endpoint String CFAPIEndpoint
cf-username String CFUsername
cf-password String CFPassword
resolve-service-load-balancer-hostname Bool ResolveServiceLoadBalancerHostname false
rfc2136-host Strings RFC2136Host []
rfc2136-port Int RFC2136Port 0
rfc2136-zone Strings RFC2136Zone []
rfc2136-insecure Bool RFC2136Insecure false
rfc2136-gss-tsig Bool RFC2136GSSTSIG false
rfc2136-create-ptr Bool RFC2136CreatePTR false
rfc2136-kerberos-realm String RFC2136KerberosRealm
rfc2136-kerberos-username String RFC2136KerberosUsername
rfc2136-kerberos-password String RFC2136KerberosPassword
rfc2136-tsig-keyname String RFC2136TSIGKeyName
rfc2136-tsig-secret String RFC2136TSIGSecret
rfc2136-tsig-secret-alg String RFC2136TSIGSecretAlg
rfc2136-tsig-axfr Bool RFC2136TAXFR false
rfc2136-min-ttl Duration RFC2136MinTTL 0s
rfc2136-load-balancing-strategy Enum:random,round-robin,disabled RFC2136LoadBalancingStrategy disabled
rfc2136-batch-change-size Int RFC2136BatchChangeSize 50
rfc2136-use-tls Bool RFC2136UseTLS false
rfc2136-skip-tls-verify Bool RFC2136SkipTLSVerify false
ns1-endpoint String NS1Endpoint
ns1-ignoressl Bool NS1IgnoreSSL false
ns1-min-ttl Int NS1MinTTLSeconds 0
transip-account String TransIPAccountName
transip-keyfile String TransIPPrivateKeyFile
digitalocean-api-page-size Int DigitalOceanAPIPageSize 50
managed-record-types Strings ManagedDNSRecordTypes [A AAAA CNAME]
exclude-record-types Strings ExcludeDNSRecordTypes []
godaddy-api-key String GoDaddyAPIKey
godaddy-api-secret String GoDaddySecretKey
godaddy-api-ttl Int64 GoDaddyTTL 0
godaddy-api-ote Bool GoDaddyOTE false
openshift-router-name String OCPRouterName
pihole-server String PiholeServer
pihole-password String PiholePassword
pihole-tls-skip-verify Bool PiholeTLSInsecureSkipVerify false
pihole-api-version String PiholeApiVersion 5
plural-cluster String PluralCluster
plural-provider String PluralProvider
webhook-provider-url String WebhookProviderURL http://localhost:8888
webhook-provider-read-timeout Duration WebhookProviderReadTimeout 5s
webhook-provider-write-timeout Duration WebhookProviderWriteTimeout 10s
webhook-server Bool WebhookServer false
traefik-enable-legacy Bool TraefikEnableLegacy false
traefik-disable-new Bool TraefikDisableNew false
nat64-networks Strings NAT64Networks []
exclude-unschedulable Bool ExcludeUnschedulable true
events-emit Strings EmitEvents []
force-default-targets Bool ForceDefaultTargets false
`;
