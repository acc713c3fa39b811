<?php
// Signs profiles like PHP programs without a library: it fills in a template, and
// openssl_cms_sign() signs a file. Usage: php peer.php DIR, with key.pem, leaf.pem,
// chain.pem and profile.xml. Each line of standard input is the number of profiles
// to create. The response is "ok", and the last profile is in DIR/php.der.
[, $dir] = $argv;
$template = file_get_contents("$dir/profile.xml");
$made = 0;
while (($line = fgets(STDIN)) !== false) {
    for ($n = (int)$line; $n > 0; $n--) {
        $made++;
        file_put_contents("$dir/php.xml", str_replace('jane@example.com', "jane$made@example.com", $template));
        $ok = openssl_cms_sign(
            "$dir/php.xml", "$dir/php.der", "file://$dir/leaf.pem", "file://$dir/key.pem", [],
            OPENSSL_CMS_BINARY, OPENSSL_ENCODING_DER, "$dir/chain.pem"
        );
        if (!$ok) {
            fwrite(STDERR, openssl_error_string() . "\n");
            exit(1);
        }
    }
    echo "ok\n";
}
