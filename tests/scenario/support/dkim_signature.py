#!/usr/bin/python3
"""dkim_signature.py sign KEY FILE     puts two signatures, relaxed/simple and simple/simple, before the message in FILE
dkim_signature.py verify KEY FILE...   prints the files in which one of the two does not hold; exit 1 where there are any
KEY: the PEM file of an RSA key; what DNS would say is made from it."""
import base64
import subprocess
import sys

import dkim

HEADERS = [b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type", b"content-transfer-encoding"]
FORMS = [(b"relaxed", b"simple"), (b"simple", b"simple")]


def sign(key, path):
    with open(key, "rb") as file:
        private = file.read()
    with open(path, "rb") as file:
        message = file.read()
    signatures = [dkim.sign(message, b"key", b"sender.test", private, canonicalize=form, include_headers=HEADERS) for form in FORMS]
    with open(path, "wb") as file:
        file.write(b"".join(signatures) + message)


def verify(key, paths):
    public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    bad = []
    for path in paths:
        with open(path, "rb") as file:
            message = file.read()
        for number in range(len(FORMS)):
            try:
                holds = dkim.DKIM(message).verify(number, dnsfunc=lambda name, timeout=5: record)
            except dkim.DKIMException as error:
                holds = False
                print(error)
            if not holds:
                bad.append(f"{path}: signature {number + 1}")
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1] == "sign":
        sign(sys.argv[2], sys.argv[3])
    else:
        sys.exit(verify(sys.argv[2], sys.argv[3:]))
