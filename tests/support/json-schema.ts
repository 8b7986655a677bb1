// What a value breaks of a JSON schema: as much of draft 2020-12 as docs/status.schema.json uses, and a refusal of the rest.

type Schema = { readonly [keyword: string]: unknown };

/** Keywords that ask for nothing. */
const SILENT = ["$schema", "$defs", "title", "description"];

/** Where `value` breaks `schema`, and how; nothing if it does not. @param root what `$ref` is looked for in */
export function breaches(value: unknown, schema: Schema, root: Schema = schema, at = "$"): string[] {
  return Object.entries(schema).flatMap(([keyword, asked]) => {
    const fails = (yes: boolean): string[] => (yes ? [`${at}: ${keyword} ${JSON.stringify(asked)}`] : []);
    const fields = isObject(value) ? value : {};
    switch (keyword) {
      case "type":
        return fails(!(Array.isArray(asked) ? asked : [asked]).some((type) => isOf(value, type)));
      case "const":
        return fails(value !== asked);
      case "enum":
        return fails(!(asked as unknown[]).includes(value));
      case "required":
        return isObject(value)
          ? (asked as string[])
              .filter((name) => !Object.hasOwn(value, name))
              .map((name) => `${at}: no ${name}`)
          : [];
      case "properties":
        return Object.entries(asked as { [name: string]: Schema }).flatMap(([name, schema]) =>
          Object.hasOwn(fields, name) ? breaches(fields[name], schema, root, `${at}.${name}`) : [],
        );
      case "additionalProperties":
        if (asked !== true) throw new Error("additionalProperties: true is all that is known");
        return [];
      case "items":
        return Array.isArray(value)
          ? value.flatMap((item, i) => breaches(item, asked as Schema, root, `${at}[${i}]`))
          : [];
      case "oneOf": {
        const all = (asked as Schema[]).map((one) => breaches(value, one, root, at));
        return all.filter((one) => one.length === 0).length === 1 ? [] : [`${at}: oneOf`, ...all.flat()];
      }
      case "$ref":
        return breaches(value, resolve(asked as string, root), root, at);
      default:
        if (SILENT.includes(keyword)) return [];
        throw new Error(`not known in a schema: ${keyword}`);
    }
  });
}

const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function isOf(value: unknown, type: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function resolve(reference: string, root: Schema): Schema {
  if (!reference.startsWith("#/")) throw new Error(`not in the schema: ${reference}`);
  return reference
    .slice(2)
    .split("/")
    .reduce<Schema>((schema, name) => schema[name] as Schema, root);
}
