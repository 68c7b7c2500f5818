// Queries of Athena, one a line on standard input, by a grammar of Trino that is not ours:
// npm's dt-sql-parser, where it is installed (NODE_PATH says in which node_modules). Prints
// each that it does not take, and how many there were; exit status 1 where it refused one,
// 77 where the parser is not there.
import { register } from 'node:module';
import { createInterface } from 'node:readline';
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const folder = (process.env.NODE_PATH || '').split(':').map(p => join(p, 'dt-sql-parser')).find(p => existsSync(p));
if (!folder) {
    console.log('SKIP: dt-sql-parser is not installed (NODE_PATH)');
    process.exit(77);
}
// Its modules name folders, and files without their ends, as bundlers understand them.
register('data:text/javascript,' + encodeURIComponent(`
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
export async function resolve(specifier, context, next) {
    if (!specifier.startsWith('.') || !context.parentURL)
        return next(specifier, context);
    const url = new URL(specifier, context.parentURL), path = fileURLToPath(url);
    if (existsSync(path + '.js'))
        return next(specifier + '.js', context);
    return next(existsSync(path) && statSync(path).isDirectory() ? specifier + '/index.js' : specifier, context);
}
export async function load(url, context, next) {
    return next(url, url.includes('dt-sql-parser') ? { ...context, format: 'module' } : context);
}`), import.meta.url);
const { TrinoSQL } = await import(pathToFileURL(join(folder, 'dist/index.js')).href);
const parser = new TrinoSQL();
if (parser.validate("SELECT a FROM t WHERE b = 'c").length === 0) {
    console.log('the parser takes what is no query');
    process.exit(1);
}
let n = 0, bad = 0;
for await (const line of createInterface({ input: process.stdin })) {
    const wrong = parser.validate(line);
    n++;
    if (wrong.length) {
        bad++;
        console.log(`${wrong[0].message}: ${line}`);
    }
}
console.log(`${n} queries, ${bad} refused by the grammar of Trino`);
process.exit(bad ? 1 : 0);
