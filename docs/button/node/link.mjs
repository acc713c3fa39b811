import { randomUUID } from 'node:crypto';

/**
 * Makes a setup link for a mailbox by a call to the service.
 *
 * service: its address, such as https://setup.example.com
 * key: an API key with the scope links:write
 * link: address, and what else the link shall have: name, locale, return_url, …
 *
 * It returns the link: url, qr_url, id, expires_at, …
 */
export async function setupLink(service, key, link) {
  const request = {
    method: 'POST',
    redirect: 'error',
    headers: {
      Authorization: `Bearer ${key}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': randomUUID(),
    },
    body: JSON.stringify(link),
  };
  for (let left = 2; ; left--) { // by the same Idempotency-Key: one link
    try {
      const answer = await fetch(`${service}/api/v1/setup-links`, { ...request, signal: AbortSignal.timeout(10_000) });
      const made = await answer.json();
      if (answer.ok) return made;
      throw Object.assign(new Error(`mobileconfig: no link: ${made.code}`), { refused: true });
    } catch (error) {
      if (error.refused || left === 0) throw error;
    }
  }
}
