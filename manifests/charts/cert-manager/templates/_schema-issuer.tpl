{{/* What an Issuer and a ClusterIssuer say. */}}
{{- define "schema.issuer" -}}
type: object
required: [spec]
properties:
  apiVersion: {{ include "schema.text" "Version of this schema: cert-manager.io/v1." }}
  kind: {{ include "schema.text" "What this object is." }}
  metadata: { type: object }
  spec:
    type: object
    description: "Who signs, and how to get there: exactly one of acme, ca, selfSigned, vault and venafi."
    properties:
      acme:
        type: object
        required: [privateKeySecretRef, server]
        description: "A certificate authority that speaks ACME (RFC 8555), such as Let's Encrypt, and wants each name proved."
        properties:
          server: {{ include "schema.text" "URL of its directory." }}
          email: {{ include "schema.text" "Where it writes to about expiry and trouble." }}
          privateKeySecretRef: {{ include "schema.secret-key" "Where the account's key is kept; made when it is not there." }}
          solvers:
            type: array
            x-kubernetes-list-type: atomic
            description: "Ways to prove a name; which is taken for which certificate, selector says."
            items:
              {{- include "schema.solver" . | nindent 14 }}
          caBundle: {{ include "schema.bytes" "CAs, PEM in base64, by which the ACME server itself is verified, where the system's do not do." }}
          skipTLSVerify: {{ include "schema.flag" "Does not verify the ACME server at all. For tests; caBundle is better." }}
          preferredChain: { type: string, maxLength: 64, description: "Common name of the issuer of the chain to take, where the server offers several." }
          profile: {{ include "schema.text" "Name of a profile of the server." }}
          enableDurationFeature: {{ include "schema.flag" "Asks for the certificate's duration, which Let's Encrypt refuses." }}
          disableAccountKeyGeneration: {{ include "schema.flag" "Waits for the account's key instead of making one." }}
          externalAccountBinding:
            type: object
            required: [keyID, keySecretRef]
            description: "Ties the ACME account to one at the authority, where it wants that."
            properties:
              keyID: {{ include "schema.text" "The account's id there." }}
              keySecretRef: {{ include "schema.secret-key" "The key, base64url." }}
              keyAlgorithm: { type: string, enum: [HS256, HS384, HS512], description: "No longer used." }
      ca:
        type: object
        required: [secretName]
        description: "Signs with a CA's key that lies in the cluster."
        properties:
          secretName: {{ include "schema.text" "Secret with tls.crt and tls.key of the CA: in the issuer's namespace, or in cert-manager's for a ClusterIssuer." }}
          crlDistributionPoints: {{ include "schema.texts" "Written into certificates: where revocations are listed." }}
          issuingCertificateURLs: {{ include "schema.texts" "Written into certificates: where the CA's own is found." }}
          ocspServers: {{ include "schema.texts" "Written into certificates: who is asked about revocation." }}
      selfSigned:
        type: object
        description: "Each certificate is signed with its own key. The usual beginning of a CA of one's own."
        properties:
          crlDistributionPoints: {{ include "schema.texts" "Written into certificates: where revocations are listed." }}
      vault:
        type: object
        required: [auth, path, server]
        description: "HashiCorp Vault's PKI."
        properties:
          server: {{ include "schema.text" "Its address." }}
          serverName: {{ include "schema.text" "The name its certificate is verified for." }}
          path: {{ include "schema.text" "Where it signs, as in pki/sign/my-role." }}
          namespace: {{ include "schema.text" "Vault's namespace." }}
          caBundle: {{ include "schema.bytes" "CAs by which Vault is verified." }}
          caBundleSecretRef: {{ include "schema.secret-key" "The same from a Secret." }}
          clientCertSecretRef: {{ include "schema.secret-key" "The certificate shown to Vault." }}
          clientKeySecretRef: {{ include "schema.secret-key" "Its key." }}
          auth:
            type: object
            description: "How to log in: exactly one."
            properties:
              appRole:
                type: object
                required: [path, roleId, secretRef]
                properties:
                  path: {{ include "schema.text" "Where AppRole is mounted." }}
                  roleId: {{ include "schema.text" "The role." }}
                  secretRef: {{ include "schema.secret-key" "Its secret." }}
              aws:
                type: object
                required: [role]
                properties:
                  iamRoleArn: {{ include "schema.text" "The role to take." }}
                  mountPath: {{ include "schema.text" "Where AWS login is mounted." }}
                  region: {{ include "schema.text" "The region." }}
                  role: { type: string, minLength: 1, description: "Vault's role." }
                  serviceAccountRef: {{ include "schema.account" "Whose token." }}
                  vaultHeaderValue: {{ include "schema.text" "The header Vault wants." }}
              clientCertificate:
                type: object
                properties:
                  mountPath: {{ include "schema.text" "Where login by certificate is mounted." }}
                  name: {{ include "schema.text" "The role." }}
                  secretName: {{ include "schema.text" "Secret with the certificate." }}
              kubernetes:
                type: object
                required: [role]
                properties:
                  mountPath: {{ include "schema.text" "Where Kubernetes login is mounted." }}
                  role: {{ include "schema.text" "Vault's role." }}
                  secretRef: {{ include "schema.secret-key" "A token." }}
                  serviceAccountRef: {{ include "schema.account" "Whose token." }}
              tokenSecretRef: {{ include "schema.secret-key" "A token of Vault." }}
      venafi:
        type: object
        required: [zone]
        description: "CyberArk's Certificate Manager, once Venafi."
        x-kubernetes-validations:
          - rule: "(has(self.tpp) ? 1 : 0) + (has(self.cloud) ? 1 : 0) + (has(self.ngts) ? 1 : 0) == 1"
            message: exactly one of tpp, cloud, or ngts must be configured
        properties:
          zone: {{ include "schema.text" "The policy zone." }}
          cloud:
            type: object
            required: [apiTokenSecretRef]
            properties:
              apiTokenSecretRef: {{ include "schema.secret-key" "The API key." }}
              url: {{ include "schema.text" "Its address." }}
          ngts:
            type: object
            required: [credentialsRef, tsgID]
            properties:
              credentialsRef: { type: object, required: [name], properties: { name: { type: string } } }
              tokenEndpoint: {{ include "schema.text" "Where tokens are asked for." }}
              tsgID: {{ include "schema.text" "The tenant." }}
              url: {{ include "schema.text" "Its address." }}
          tpp:
            type: object
            required: [credentialsRef, url]
            properties:
              caBundle: {{ include "schema.bytes" "CAs by which it is verified." }}
              caBundleSecretRef: {{ include "schema.secret-key" "The same from a Secret." }}
              credentialsRef: { type: object, required: [name], properties: { name: { type: string } } }
              url: {{ include "schema.text" "Its address." }}
  status:
    type: object
    description: "What has become of it. cert-manager writes this."
    properties:
      acme:
        type: object
        description: "The account at the ACME server."
        properties:
          uri: {{ include "schema.text" "Its address there." }}
          lastRegisteredEmail: {{ include "schema.text" "With which address it was registered." }}
          lastPrivateKeyHash: {{ include "schema.text" "A hash of the key it was registered with." }}
      conditions:
        {{- include "schema.conditions" true | nindent 8 }}
{{- end -}}
