<?php

require __DIR__ . '/link.php';
require __DIR__ . '/signed.php';

// The mailbox of the session, never from a form or URL.
$mailbox = $_SESSION['mailbox'];
$service = getenv('MOBILECONFIG_URL');

$link = mobileconfig_link($service, getenv('MOBILECONFIG_KEY'), ['address' => $mailbox]);
$jwt = mobileconfig_signed([
    'service' => $service,
    'issuer' => getenv('MOBILECONFIG_ISSUER'),
    'kid' => getenv('MOBILECONFIG_KID'),
    'private_key' => file_get_contents(getenv('MOBILECONFIG_PRIVATE_KEY')),
], ['sub' => $mailbox]);

header('Cache-Control: no-store');
?>
<!-- 1. A link created with an API call -->
<p><img src="<?= htmlspecialchars($link['qr_url']) ?>" alt="QR code of the link" width="200" height="200">
<a href="<?= htmlspecialchars($link['url']) ?>">Set up this phone</a></p>

<!-- 2. A signed redirect -->
<form method="post" action="<?= htmlspecialchars($service) ?>/start/signed">
  <input type="hidden" name="jwt" value="<?= htmlspecialchars($jwt) ?>">
  <button type="submit">Set up my phone</button>
</form>

<!-- 3. A plain link -->
<p><a href="<?= htmlspecialchars($service . '/?address=' . rawurlencode($mailbox)) ?>">Set up my phone</a></p>
