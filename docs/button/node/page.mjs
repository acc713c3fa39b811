import { readFileSync } from 'node:fs';
import { setupLink } from './link.mjs';
import { signedRedirect } from './signed.mjs';

const service = process.env.MOBILECONFIG_URL;
const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** The page with the button. mailbox: from the session, never from a form or URL. */
export async function page(mailbox) {
  const link = await setupLink(service, process.env.MOBILECONFIG_KEY, { address: mailbox });
  const jwt = signedRedirect({
    service,
    issuer: process.env.MOBILECONFIG_ISSUER,
    kid: process.env.MOBILECONFIG_KID,
    privateKey: readFileSync(process.env.MOBILECONFIG_PRIVATE_KEY),
  }, { sub: mailbox });
  return `
<!-- 1. A link created with an API call -->
<p><img src="${escape(link.qr_url)}" alt="QR code of the link" width="200" height="200">
<a href="${escape(link.url)}">Set up this phone</a></p>

<!-- 2. A signed redirect -->
<form method="post" action="${escape(service)}/start/signed">
  <input type="hidden" name="jwt" value="${escape(jwt)}">
  <button type="submit">Set up my phone</button>
</form>

<!-- 3. A plain link -->
<p><a href="${escape(`${service}/?address=${encodeURIComponent(mailbox)}`)}">Set up my phone</a></p>
`;
}
