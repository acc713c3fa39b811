import { randomUUID } from 'node:crypto';

/**
 * Creates a setup link for a mailbox with an API call.
 *
 * service: its URL, such as https://setup.example.com
 * key: an API key with the scope links:write
 * link: address, and optionally name, locale, return_url, …
 *
 * Returns the link: url, qr_url, id, expires_at, …
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
  for (let left = 2; ; left--) { // same Idempotency-Key: one link
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
