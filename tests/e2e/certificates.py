"""Certificates of every kind, made by Debian's openssl the ways people make them: NAME.pem and NAME.key in a folder.

`openssl ca` signs most of them, the one command of OpenSSL 3.0 that takes both dates.
"""

import re
import subprocess

from harness import tool

# In no certificate but as the issuer's name: no output may show it.
ISSUER = "Issuer Whom Nobody Shows"

SETTINGS = """
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
default_md = sha256
policy = names
rand_serial = yes
unique_subject = no
[names]
commonName = supplied
[req]
distinguished_name = nothing
[nothing]
"""

P256 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
P384 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"
P521 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-521"
ED25519 = "-algorithm ED25519"
RSA = "-algorithm RSA -pkeyopt rsa_keygen_bits:{}"

# Names, and the addresses of both families.
LOCAL = "subjectAltName=DNS:localhost,DNS:shop.example,IP:127.0.0.1,IP:::1"
AUTHORITY = "basicConstraints=critical,CA:TRUE"
CLIENT = "extendedKeyUsage=clientAuth"

SOON = "-days 30"
PAST = "-startdate 20010102030405Z -enddate 20020203040506Z"
FUTURE = "-startdate 21990203040506Z -enddate 22000203040506Z"

# Name, kind of key, extensions, dates, and the name of the issuer: none for what signs itself.
KINDS = [
    ("authority", P256, [AUTHORITY], SOON, None),
    ("stranger", P256, [AUTHORITY], SOON, None),
    ("p521-authority", P521, [AUTHORITY], SOON, None),
    ("intermediate", P256, [AUTHORITY], SOON, "authority"),
    # Servers' whose kind of key differs.
    ("p256", P256, [LOCAL], SOON, "authority"),
    ("p384", P384, [LOCAL], SOON, "authority"),
    ("p521", P521, [LOCAL], SOON, "authority"),
    ("ed25519", ED25519, [LOCAL], SOON, "authority"),
    ("rsa1024", RSA.format(1024), [LOCAL], SOON, "authority"),
    ("rsa2048", RSA.format(2048), [LOCAL], SOON, "authority"),
    ("rsa4096", RSA.format(4096), [LOCAL], SOON, "authority"),
    # Servers' that differ otherwise.
    ("expired", P256, [LOCAL], PAST, "authority"),
    ("early", P256, [LOCAL], FUTURE, "authority"),
    ("elsewhere", P256, ["subjectAltName=DNS:shop.example,IP:10.0.0.7"], SOON, "authority"),
    ("by-name", P256, ["subjectAltName=DNS:localhost"], SOON, "authority"),
    ("nameless", P256, ["keyUsage=digitalSignature"], SOON, "authority"),
    ("for-clients", P256, [LOCAL, CLIENT], SOON, "authority"),
    ("critical", P256, [LOCAL, "1.2.3.4=critical,ASN1:NULL"], SOON, "authority"),
    ("by-stranger", P256, [LOCAL], SOON, "stranger"),
    ("by-p521", P256, [LOCAL], SOON, "p521-authority"),
    ("by-intermediate", P256, [LOCAL], SOON, "intermediate"),
    ("by-version-1", P256, [LOCAL], SOON, "version-1-authority"),
    ("expired-authority", P256, [AUTHORITY], PAST, None),
    ("by-expired-authority", P256, [LOCAL], SOON, "expired-authority"),
    ("by-sha512", P256, [LOCAL], f"{SOON} -md sha512", "authority"),
    # Signed by the key of a server, which is no authority.
    ("minted", P256, [LOCAL], SOON, "p256"),
    # Clients'.
    ("client", P256, [CLIENT], SOON, "authority"),
    ("client-p384", P384, [CLIENT], SOON, "authority"),
    ("client-p521", P521, [CLIENT], SOON, "authority"),
    ("client-ed25519", ED25519, [CLIENT], SOON, "authority"),
    ("client-rsa", RSA.format(2048), [CLIENT], SOON, "authority"),
    ("client-expired", P256, [CLIENT], PAST, "authority"),
    ("client-by-stranger", P256, [CLIENT], SOON, "stranger"),
]

# What else people type, in the same folder.
BY_HAND = f"""
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout own.key -out own.pem -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout own-nameless.key -out own-nameless.pem -subj /CN=localhost

for name in version-1 version-1-authority; do
    openssl req -new -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj "/CN={ISSUER}: $name"
    openssl x509 -req -days 30 -in $name.csr -signkey $name.key -out $name.pem
done
"""
WITH_THEM = """
openssl req -new -key client.key -subj /CN=client -out client-version-1.csr
openssl x509 -req -days 30 -in client-version-1.csr -CA authority.pem -CAkey authority.key -CAcreateserial \
    -out client-version-1.pem

openssl ec -in client.key -out client.sec1
openssl ec -in client.key -no_public -out client.no-public
openssl pkcs8 -topk8 -nocrypt -in client.no-public -out client.no-public-pkcs8
printf '\\357\\273\\277' | cat - client.key > client.with-mark
(openssl ecparam -name prime256v1; cat client.sec1) > client.parameters
openssl rsa -traditional -in client-rsa.key -out client-rsa.pkcs1
openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:x -in client.key -out client.encrypted
openssl ec -aes256 -passout pass:x -in client.key -out client.encrypted-sec1
openssl rsa -traditional -aes256 -passout pass:x -in client-rsa.key -out client-rsa.encrypted-pkcs1
cat client.pem client.key > client-key-last.pem
cat client.key client.pem > client-key-first.pem
cat stranger.pem authority.pem > bundle.pem
"""


def make(folder) -> None:
    """Makes all of them."""
    (folder / "openssl.cnf").write_text(SETTINGS)
    (folder / "index.txt").touch()
    script = "\n".join([BY_HAND, *(key_and_certificate(folder, *kind) for kind in KINDS), WITH_THEM])
    path = f"{tool('openssl').rpartition('/')[0]}:/usr/bin:/bin"
    done = subprocess.run(["sh", "-ec", script], cwd=folder, env={"PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def key_and_certificate(folder, name, key, extensions, dates, issuer) -> str:
    """The shell lines that make one of `KINDS`."""
    (folder / f"{name}.extensions").write_text("\n".join(extensions))
    subject = f"{ISSUER}: {name}" if AUTHORITY in extensions else name
    signing = f"-cert {issuer}.pem -keyfile {issuer}.key" if issuer else f"-selfsign -keyfile {name}.key"
    return f"""
openssl genpkey {key} -out {name}.key
openssl req -config openssl.cnf -new -key {name}.key -subj '/CN={subject}' -out {name}.csr
openssl ca -config openssl.cnf -batch -notext {signing} {dates} -extfile {name}.extensions -in {name}.csr \
    -out {name}.pem
"""


def secrets(folder) -> set[str]:
    """Everything between BEGIN and END in the folder's files, on one line each."""
    section = re.compile(r"^-----BEGIN [A-Z0-9 ]+-----\n(.*?)^-----END ", re.MULTILINE | re.DOTALL)
    found = set()
    for path in folder.iterdir():
        for body in section.findall(path.read_text()):
            # Old encrypted keys have headers before an empty line.
            found.add(body.rpartition("\n\n")[2].replace("\n", ""))
    return found
