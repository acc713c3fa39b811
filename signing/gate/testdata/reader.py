"""Reads profiles that the gate has cleared, with a reader that is not the
gate's, and holds them against the terms that allowed them.

Standard input is a sequence of records: the length of the terms, the length of
the profile (both 32 bits, big-endian), the terms in JSON, the profile. For each
record one line is written: "ok", or what differs.
"""
import base64, datetime, hashlib, json, plistlib, struct, sys, unicodedata, uuid

NAMESPACE = uuid.UUID("3ab7f3c6-6f0a-5b5c-9d0e-0c4f5a1d7e42")
SUFFIX = {
    "com.apple.mail.managed": ".mail",
    "com.apple.caldav.account": ".caldav",
    "com.apple.carddav.account": ".carddav",
    "com.apple.mobiledevice.passwordpolicy": ".passcode",
}
POLICY = {
    "allowSimple": (False, lambda v: v is False),
    "forcePIN": (False, lambda v: v is True),
    "maxFailedAttempts": (True, lambda v: whole(v, 7, 10)),
    "maxGracePeriod": (False, lambda v: whole(v, 0, 240)),
    "maxInactivity": (False, lambda v: whole(v, 1, 15)),
    "maxPINAgeInDays": (True, lambda v: whole(v, 30, 730)),
    "minComplexChars": (True, lambda v: whole(v, 1, 2)),
    "minLength": (False, lambda v: whole(v, 4, 12)),
    "minutesUntilFailedLoginReset": (True, lambda v: whole(v, 1, 60)),
    "pinHistory": (True, lambda v: whole(v, 1, 10)),
    "requireAlphanumeric": (True, lambda v: v is True),
}


def whole(v, low, high):
    return type(v) is int and low <= v <= high


def identifier(address):
    domain = address.partition("@")[2]
    folded = unicodedata.normalize("NFC", address).lower().encode()
    code = base64.b32encode(hashlib.sha256(folded).digest()).decode().lower()[:26]
    return ".".join(reversed(domain.split("."))) + ".mobileconfig." + code


def common(want, own, kind):
    want.update(PayloadIdentifier=own, PayloadType=kind, PayloadVersion=1,
                PayloadUUID=str(uuid.uuid5(NAMESPACE, own)))


def optional(want, **values):
    want.update({k: v for k, v in values.items() if v not in ("", 0, None)})


def account(terms, payload, titles):
    """What an account must be, but for its servers, which are put in."""
    kind = payload.get("PayloadType")
    login, name = terms["login"], titles[2] or terms["address"]
    if kind == "com.apple.mail.managed":
        want = {
            "EmailAccountDescription": name, "EmailAccountType": "EmailTypeIMAP", "EmailAddress": terms["address"],
            "OutgoingPasswordSameAsIncomingPassword": True,
        }
        optional(want, EmailAccountName=terms["name"])
        for way, use in ("Incoming", "imap"), ("Outgoing", "smtp"):
            way += "MailServer"
            want.update({way + "Authentication": "EmailAuthPassword", way + "UseSSL": True, way + "Username": login})
            server(terms, use, payload, want, way + "HostName", way + "PortNumber")
        return want
    kind = {"com.apple.caldav.account": "CalDAV", "com.apple.carddav.account": "CardDAV"}[kind]
    want = {kind + "AccountDescription": name, kind + "UseSSL": True, kind + "Username": login}
    server(terms, kind.lower(), payload, want, kind + "HostName", kind + "Port")
    return want


def server(terms, use, payload, want, host, port):
    pair = [use, payload.get(host), payload.get(port)]
    if pair in terms["servers"] and type(pair[2]) is int:
        want.update({host: pair[1], port: pair[2]})


def policy(terms, payload):
    assert terms["policy"], "a policy"
    for key, (absent, good) in POLICY.items():
        assert absent if key not in payload else good(payload[key]), key
    return {key: payload[key] for key in POLICY if key in payload}


def compare(got, want, where):
    for key in sorted(got.keys() | want.keys()):
        assert key in got and key in want and type(got[key]) is type(want[key]) and got[key] == want[key], \
            f"{where} {key}: {got.get(key)!r}, want {want.get(key)!r}"


def check(terms, data):
    top = plistlib.loads(data, fmt=plistlib.FMT_XML)
    payloads = top["PayloadContent"]
    kinds = [p["PayloadType"] for p in payloads]
    assert kinds and kinds == [k for k in SUFFIX if k in kinds], kinds
    ruled = "com.apple.mobiledevice.passwordpolicy" in kinds
    alone = kinds == ["com.apple.mobiledevice.passwordpolicy"]
    assert alone or kinds[0] == "com.apple.mail.managed", kinds
    base = identifier(terms["address"]) + (".device" if alone else "")
    texts = terms["texts"]
    for i, (kind, payload) in enumerate(zip(kinds, payloads)):
        titles = texts["payloads"].get(kind, ["", "", ""])
        want = policy(terms, payload) if kind == "com.apple.mobiledevice.passwordpolicy" else account(terms, payload, titles)
        want["PayloadDisplayName"] = titles[0]
        optional(want, PayloadDescription=titles[1])
        common(want, base + SUFFIX[kind], kind)
        compare(payload, want, f"payload {i}")
        reset = "minutesUntilFailedLoginReset" in payload
        assert reset == (alone and "maxFailedAttempts" in payload), "reset"
    want = {"PayloadContent": payloads, "PayloadDisplayName": texts["name"], "TargetDeviceType": 1}
    if alone or top.get("TargetDeviceType") == 5:
        want.update(TargetDeviceType=5, PayloadScope="System" if alone else "User")
        assert alone == ruled, kinds
    optional(want, PayloadDescription=texts["description"], PayloadOrganization=terms["organization"],
             DurationUntilRemoval=float(terms["remove_after"]))
    if terms["remove_on"]:
        want["RemovalDate"] = datetime.datetime.fromisoformat(terms["remove_on"])
    if ruled:
        want["ConsentText"] = texts["consent"]
        assert texts["consent"]["default"], "consent"
    common(want, base, "Configuration")
    compare(top, want, "profile")


def main():
    stdin, stdout = sys.stdin.buffer, sys.stdout
    while head := stdin.read(8):
        sizes = struct.unpack(">II", head)
        terms, data = json.loads(stdin.read(sizes[0])), stdin.read(sizes[1])
        try:
            check(terms, data)
            print("ok")
        except Exception as e:
            print(ascii(f"{type(e).__name__}: {e}"))
        stdout.flush()


main()
