import { createPrivateKey, randomUUID, sign } from 'node:crypto';

/**
 * Signs the mailbox for the field "jwt" of a form that the browser posts to the
 * service. The result works once, for 5 minutes.
 *
 * signer: service, issuer, kid, and privateKey: a PEM of Ed25519 or P-256
 * claims: sub (the mailbox), and optionally name, locale, return_url, …
 */
export function signedRedirect({ service, issuer, kid, privateKey }, claims) {
  const key = createPrivateKey(privateKey);
  const edwards = key.asymmetricKeyType === 'ed25519';
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: edwards ? 'EdDSA' : 'ES256', kid, typ: 'JWT' };
  const all = { ...claims, iss: issuer, aud: service, iat: now, exp: now + 300, jti: randomUUID() };
  const text = [header, all].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign(edwards ? null : 'sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
