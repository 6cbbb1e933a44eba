/**
 * What is used of node:http. An `import` of the whole reads all that it exports, and two of those load an HTTP client of
 * 13 MB that nobody here uses: `getBuiltinModule` reads what is asked for. So nothing else imports its values.
 */
export const { Agent, createServer, request, STATUS_CODES } = process.getBuiltinModule('node:http');
