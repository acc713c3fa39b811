<?php

/**
 * Creates a setup link for a mailbox with an API call.
 *
 * @param string $service URL of the service, such as https://setup.example.com
 * @param string $key     API key with the scope links:write
 * @param array  $link    address, and optionally name, locale, return_url, …
 *
 * @return array the link: url, qr_url, id, expires_at, …
 */
function mobileconfig_link(string $service, string $key, array $link): array
{
    $request = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => [
            'Authorization: Bearer ' . $key,
            'Content-Type: application/json',
            'Idempotency-Key: ' . bin2hex(random_bytes(16)),
        ],
        'content' => json_encode($link, JSON_THROW_ON_ERROR),
        'timeout' => 10,
        'follow_location' => 0,
        'ignore_errors' => true, // the body has the error
    ]]);
    $answer = false;
    for ($try = 0; $answer === false && $try < 3; $try++) { // same Idempotency-Key: one link
        $answer = @file_get_contents($service . '/api/v1/setup-links', false, $request);
    }
    $made = json_decode((string) $answer, true);
    if (!isset($made['url'])) {
        throw new RuntimeException('mobileconfig: no link: ' . ($made['code'] ?? 'no response'));
    }
    return $made;
}
