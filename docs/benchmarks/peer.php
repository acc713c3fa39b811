<?php
// Signs profiles as PHP programs do that have no library for it: values are put
// into a template, and openssl_cms_sign() signs a file. Usage: php peer.php DIR,
// with key.pem, leaf.pem, chain.pem and profile.xml. Each line of standard input
// is a number of profiles to make; each is answered with "ok", and the last
// profile stands in DIR/php.der then.
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
