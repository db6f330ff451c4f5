import type { Loose } from '../../../../kubernetes/object.ts';

/**
 * An OpenAPI 3 document in the older form, Swagger 2.0, for clients that read `/openapi/v2`. What that cannot say
 * (alternatives, null, defaults) is left out, as a real server leaves it out.
 */
export function swaggerOf({ paths, components }: Loose, version: string): Loose {
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version },
    paths: each(paths, ({ parameters, ...operations }) => ({
      ...each(operations, operationOf),
      ...(parameters?.length > 0 && { parameters: parameters.map(parameterOf) }),
    })),
    definitions: each(components.schemas, schemaOf),
    securityDefinitions: {
      BearerToken: {
        description: 'Bearer Token authentication',
        type: 'apiKey',
        name: 'authorization',
        in: 'header',
      },
    },
    security: [{ BearerToken: [] }],
  };
}

const each = (values: Loose, change: (value: Loose) => Loose): Loose =>
  Object.fromEntries(Object.entries<Loose>(values).map(([name, value]) => [name, change(value)]));

function operationOf({ parameters, requestBody, responses, ...rest }: Loose): Loose {
  const content: Record<string, Loose> = requestBody?.content ?? {};
  const [body] = Object.values(content);
  const given = parameters.map(parameterOf);
  if (body) given.unshift({ name: 'body', in: 'body', required: true, schema: schemaOf(body.schema) });
  return {
    consumes: body ? Object.keys(content) : ['*/*'],
    produces: ['application/json', 'application/yaml'],
    schemes: ['https'],
    ...(given.length > 0 && { parameters: given }),
    responses: each(responses, ({ description, content: answers }) => ({
      description,
      schema: schemaOf(answers['application/json'].schema),
    })),
    ...rest,
  };
}

const parameterOf = ({ schema, ...rest }: Loose): Loose => ({ ...rest, ...schema });

function schemaOf(schema: Loose): Loose {
  const { oneOf, anyOf, not, nullable, default: _, allOf, $ref, ...rest } = schema;
  const out: Loose = rest;
  const reference = $ref ?? (allOf?.length === 1 ? allOf[0].$ref : undefined);
  if (reference) out.$ref = reference.replace('#/components/schemas/', '#/definitions/');
  else if (allOf && !rest['x-kubernetes-preserve-unknown-fields']) out.allOf = allOf.map(schemaOf);
  if (oneOf?.some(({ type }: Loose) => type === 'string')) out.type = 'string';
  // Clients of this form would refuse what the schema does not describe, or null.
  if (nullable || rest['x-kubernetes-preserve-unknown-fields']) {
    delete out.items;
    delete out.properties;
    if (nullable || rest.type !== 'object') delete out.type;
  }
  if (out.properties) out.properties = each(out.properties, schemaOf);
  if (out.items) out.items = schemaOf(out.items);
  if (typeof out.additionalProperties === 'object') out.additionalProperties = schemaOf(out.additionalProperties);
  return out;
}
