// Uses the types that openapi-typescript generates, as a strict program does.
import type { components, operations, paths, webhooks } from './types.js';

type Link = components['schemas']['SetupLink'];
type Created = operations['create-setup-link']['responses'][201]['content']['application/json'];
type Body = operations['create-setup-link']['requestBody']['content']['application/json'];
type Patch = operations['patch-domain']['requestBody']['content']['application/merge-patch+json'];
type Problem = components['schemas']['Problem'];
type Event = webhooks['link.opened']['post']['requestBody'] extends { content: { 'application/json': infer E } } ? E : never;

export const body: Body = { address: 'jane@example.com', variant: 'mail', expires_in: 3600, max_downloads: 1 };
export const patch: Patch = { help_text: null, policy: 'offered', platforms: ['iphone'] };
export const state = (link: Link): 'waiting' | 'opened' | 'downloaded' | 'used' | 'expired' | 'revoked' => link.state;
export const same = (link: Created): Link => link;
export const codes = (p: Problem): string[] => (p.errors ?? []).map((e) => `${e.pointer} ${e.code}`);
export const domains: keyof paths = '/api/v1/domains';
export const list = (page: operations['list-setup-links']['responses'][200]['content']['application/json']): string[] =>
  page.setup_links.map((l) => l.url); // never null
export const opened = (e: Event): string => `${e.type satisfies 'link.opened'} ${e.data.link ?? ''} ${e.data.external_id ?? ''}`;
type Schemas = components['schemas'];
type Put = operations['update-domain']['requestBody']['content']['application/json'];
export const again = (d: Schemas['Domain']): Put => d; // a response can be sent back
export const servers = (d: Schemas['Domain']): string[] => [d.imap, d.smtp, d.caldav, d.carddav, d.created_at, d.updated_at];
export const lives = (k: Schemas['Key']): string => `${k.id} ${k.created_at} ${k.created_by.kind} ${k.expires_at ?? ''} ${k.revoked_at ?? ''}`;
export const hosts = (page: operations['list-approved-hosts']['responses'][200]['content']['application/json']): string[] =>
  page.approved_hosts.map((h) => `${h.host} ${h.created_at}`);
// @ts-expect-error there is no such variant
export const bad: Body = { address: 'jane@example.com', variant: 'x' };
