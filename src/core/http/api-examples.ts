/** The parts of a JSON Schema that examples are built from. */
export interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  description?: string;
  nullable?: boolean;
  example?: unknown;
  default?: unknown;
  enum?: readonly unknown[];
  required?: readonly string[];
  items?: Schema;
  allOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
}

const PREFIX = '#/components/schemas/';
const TIME = '2026-11-01T10:00:00.000Z';

/** An example of the schema, built from the examples of its fields; undefined when a field has none. */
export function exampleOf(schema: Schema, schemas: Readonly<Record<string, Schema>>): unknown {
  const target = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (target !== undefined) {
    const found = schemas[target.slice(PREFIX.length)];
    return found && exampleOf(found, schemas);
  }
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.format === 'date-time') return schema.nullable ? null : TIME;
  if (schema.type === 'array' && schema.items) {
    const item = exampleOf(schema.items, schemas);
    return item === undefined ? undefined : [item];
  }
  if (schema.properties) return objectOf(schema.properties, schemas);
  return schema.nullable ? null : undefined;
}

function objectOf(
  properties: Readonly<Record<string, Schema>>,
  schemas: Readonly<Record<string, Schema>>,
): Record<string, unknown> | undefined {
  const entries = Object.entries(properties).map(
    ([name, field]) => [name, exampleOf(field, schemas)] as const,
  );
  return entries.some(([, example]) => example === undefined) ? undefined : Object.fromEntries(entries);
}
