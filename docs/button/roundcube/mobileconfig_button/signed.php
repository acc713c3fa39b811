<?php

/**
 * Signs the mailbox for the field "jwt" of a form that the browser posts to the
 * service. The result works once, for 5 minutes.
 *
 * @param array $signer service, issuer, kid, and private_key: a PEM of Ed25519
 * @param array $claims sub (the mailbox), and optionally name, locale, return_url, …
 */
function mobileconfig_signed(array $signer, array $claims): string
{
    $base64url = fn (string $bytes): string => rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    $now = time();
    $claims = [
        'iss' => $signer['issuer'],
        'aud' => $signer['service'],
        'iat' => $now,
        'exp' => $now + 300,
        'jti' => bin2hex(random_bytes(16)),
    ] + $claims;
    $header = ['alg' => 'EdDSA', 'kid' => $signer['kid'], 'typ' => 'JWT'];
    $text = $base64url(json_encode($header, JSON_THROW_ON_ERROR)) . '.' . $base64url(json_encode($claims, JSON_THROW_ON_ERROR));

    // PKCS #8 of an Ed25519 key is this header and the 32 bytes of its seed.
    $der = base64_decode(preg_replace('/-----[^-]+-----|\s/', '', $signer['private_key']));
    if (strlen($der) !== 48 || !str_starts_with(bin2hex($der), '302e020100300506032b657004220420')) {
        throw new RuntimeException('mobileconfig: the private key must be an Ed25519 key in PEM');
    }
    $pair = sodium_crypto_sign_seed_keypair(substr($der, -32));
    return $text . '.' . $base64url(sodium_crypto_sign_detached($text, sodium_crypto_sign_secretkey($pair)));
}
