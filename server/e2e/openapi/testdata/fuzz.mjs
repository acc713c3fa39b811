// Sends random valid and invalid requests to every operation of a server, and
// checks each response against the document (JSON Schema 2020-12, with ajv).
import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const { API_DOCUMENT, API_URL, API_KEY, COUNT, SEED } = process.env;
const document = JSON.parse(readFileSync(API_DOCUMENT, 'utf8'));
const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema(document, 'document');

let state = Number(SEED);
function random() { // mulberry32
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];
const chance = (p) => random() < p;

const escaped = (s) => s.replaceAll('~', '~0').replaceAll('/', '~1');
const resolve = (ref) => ref.slice(2).split('/').reduce((v, name) => v[name.replaceAll('~1', '/').replaceAll('~0', '~')], document);
const follow = (v) => (v?.$ref ? resolve(v.$ref) : v);
const typeOf = (s) => (Array.isArray(s.type) ? s.type[0] : s.type);

const odd = ['', ' ', 'ä'.repeat(101), '\u202e', '\u0000', 'x'.repeat(3000), '-1', '../..', '%', '{}', 'null', '🙂', "' OR ''='"];
const wrong = [null, true, 0, -1, 1.5, 1e21, 3600.0, '', 'x', [], [null], {}, { a: 1 }];

// value returns a value that is probably valid.
function value(schema, depth = 0) {
  const s = follow(schema);
  if (s.enum) return pick(s.enum);
  switch (typeOf(s)) {
    case 'object': {
      const out = {};
      for (const [name, p] of Object.entries(s.properties ?? {})) {
        if ((s.required ?? []).includes(name) || chance(0.4)) out[name] = value(p, depth + 1);
      }
      return out;
    }
    case 'array':
      return s.examples && chance(0.7) ? pick(s.examples) : Array.from({ length: below(4) }, () => value(s.items, depth + 1));
    case 'integer': {
      const low = s.minimum ?? 0, high = Math.min(s.maximum ?? 1000, 1e9);
      return chance(0.1) ? pick([low - 1, high + 1]) : low + below(high - low + 1);
    }
    case 'boolean':
      return chance(0.5);
  }
  if (s.examples && chance(0.8)) return pick(s.examples);
  if (s.format === 'date-time') return new Date(Date.now() + below(1e10)).toISOString();
  return chance(0.5) ? pick(odd) : Array.from({ length: 1 + below(12) }, () => pick([...'abcdefghij.-@ü'])).join('');
}

// spoil breaks the text of a body, or does nothing.
function spoil(body) {
  if (typeof body === 'string') return chance(0.5) ? `email\n${body}@example.com\n` : body; // a list of people
  const fields = Object.keys(body);
  switch (below(12)) {
    case 0: delete body[pick(fields)]; break;
    case 1: body[pick(['unknown', 'Address', 'NAME', 'a/b~c', '__proto__', ''])] = pick(wrong); break;
    case 2: if (fields.length) body[pick(fields)] = pick(wrong); break;
    case 3: return JSON.stringify(pick(wrong));
    case 4: return JSON.stringify(body).slice(0, -1 - below(5));
    case 5: return fields.length ? `{"${fields[0]}":1,${JSON.stringify(body).slice(1)}` : '{}';
    case 6: return '';
  }
  return JSON.stringify(body);
}

const known = { domains: ['example.com'], policies: ['standard'] }; // ids by kind
const ending = /delete|revoke|rotate/;

function pathOf(path, op) {
  const kind = path.split('/')[3];
  const ids = (known[kind] ?? []).filter((id) => !(ending.test(op.operationId) && id === 'example.com'));
  return path
    .replace('{id}', () => encodeURIComponent(ids.length && chance(0.9) ? pick(ids) : pick([...odd.filter(Boolean), 'none.example', 'key_x'])))
    .replace('{delivery_id}', () => encodeURIComponent(known.deliveries?.length ? pick(known.deliveries) : 'dlv_x'));
}

function learn(path, body) {
  const kind = path.split('/')[3];
  (known[kind] ??= []).push(body.id ?? body.name);
}

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, op]) => ({ path, method, op })))
  .filter(({ op }) => op.operationId !== 'stream-events'); // its response never ends

const problems = [];
const statuses = {};
const refuse = (what) => problems.push(what.slice(0, 600));

async function once() {
  const { path, method, op } = pick(operations);
  const headers = { Authorization: `Bearer ${API_KEY}` };
  const query = new URLSearchParams();
  for (const raw of op.parameters ?? []) {
    const p = follow(raw);
    if (p.in === 'query' && (p.required ? chance(0.9) : chance(0.3))) query.append(p.name, chance(0.8) && p.example ? p.example : String(value(p.schema)));
    if (p.in === 'header' && chance(0.2)) headers[p.name] = chance(0.5) ? p.example : pick(['*', 'x', '"a", W/"b"', 'j'.repeat(300)]);
  }
  if (chance(0.05)) query.append(pick(['x', 'limit', 'Limit']), pick(['1', 'x']));
  let body;
  if (op.requestBody) {
    const kinds = Object.keys(op.requestBody.content);
    headers['Content-Type'] = chance(0.95) ? pick(kinds) : pick(['text/plain', 'application/xml']);
    body = spoil(value(op.requestBody.content[kinds[0]].schema) ?? {});
  }
  const url = `${API_URL}${pathOf(path, op)}${query.size ? `?${query}` : ''}`;
  const answer = await fetch(url, { method: method.toUpperCase(), headers, body });
  const text = await answer.text();
  const at = `${method.toUpperCase()} ${url} ${body ?? ''}: ${answer.status} ${text.slice(0, 200)}`;
  statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
  if (answer.status >= 500) return refuse(`failed: ${at}`);
  let pointer = `/paths/${escaped(path)}/${method}/responses/${answer.status}`;
  let described = op.responses[answer.status];
  if (!described) return refuse(`undocumented status: ${at}`);
  if (described.$ref) pointer = described.$ref.slice(1), described = resolve(described.$ref);
  for (const name of Object.keys(described.headers ?? {})) {
    if (['Request-Id', 'RateLimit', 'RateLimit-Policy'].includes(name) && !answer.headers.get(name)) refuse(`no ${name}: ${at}`);
  }
  if (!described.content) {
    if (text) refuse(`a body that isn't documented: ${at}`);
    return;
  }
  const kind = (answer.headers.get('Content-Type') ?? '').split(';')[0];
  if (!described.content[kind]) return refuse(`undocumented media type ${kind}: ${at}`);
  if (!kind.includes('json')) return;
  const json = JSON.parse(text);
  const valid = ajv.compile({ $ref: `document#${pointer}/content/${escaped(kind)}/schema` });
  if (!valid(json)) refuse(`${ajv.errorsText(valid.errors)}: ${at}`);
  if (answer.status === 201) learn(path, json);
  if (op.operationId === 'test-webhook' && answer.status === 202) (known.deliveries ??= []).push(json.id);
}

for (let i = 0; i < Number(COUNT); i++) await once();
console.log(JSON.stringify(statuses));
if (problems.length) {
  console.log(`${problems.length} problems\n${problems.slice(0, 20).join('\n')}`);
  process.exit(1);
}
