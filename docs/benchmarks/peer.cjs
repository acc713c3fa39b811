// Signs profiles with @zone-eu/mobileconfig, like WildDuck. Usage: node peer.cjs
// DIR MODULE ALGORITHM, with key.pem, leaf.pem, chain.pem and profile.json. Each
// line of standard input is the number of profiles to create. The response is
// "ok", and the last profile is in DIR/node.der.
'use strict';
const fs = require('fs');
const [dir, module_, sigAlg] = process.argv.slice(2);
const { getSignedConfig } = require(module_);
const read = name => fs.readFileSync(`${dir}/${name}`, 'utf8');
const keys = { key: read('key.pem'), cert: read('leaf.pem'), ca: [read('chain.pem')], sigAlg };
const template = read('profile.json');
let made = 0;

const sign = () => new Promise((resolve, reject) => {
    made++;
    const profile = JSON.parse(template.replaceAll('jane@example.com', `jane${made}@example.com`));
    getSignedConfig(profile, keys, (err, der) => (err ? reject(err) : resolve(der)));
});

(async () => {
    for await (const line of require('readline').createInterface({ input: process.stdin })) {
        let der;
        for (let n = Number(line); n > 0; n--) {
            der = await sign();
        }
        fs.writeFileSync(`${dir}/node.der`, der);
        process.stdout.write('ok\n');
    }
})();
