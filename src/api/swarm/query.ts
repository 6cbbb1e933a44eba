/** Query parameters that Docker reads with Go's strconv.ParseBool. */
import { ApiError } from '../../model/errors.ts';

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['', '0', 'f', 'F', 'false', 'FALSE', 'False']);

/** False if absent. Throws ApiError 400. */
export function goBool(query: URLSearchParams, name: string): boolean {
  return (
    parse(query, name) ??
    refuse(
      `invalid value for ${name}: ${query.get(name)}: strconv.ParseBool: parsing ${JSON.stringify(query.get(name))}: invalid syntax`,
    )
  );
}

/** As goBool, for parameters about which Docker says less. */
export function goBoolTersely(query: URLSearchParams, name: string): boolean {
  return parse(query, name) ?? refuse(`invalid value for ${name}: ${query.get(name)}`);
}

function parse(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name) ?? '';
  if (TRUE.has(value)) return true;
  return FALSE.has(value) ? false : undefined;
}

function refuse(message: string): never {
  throw new ApiError(400, message);
}
