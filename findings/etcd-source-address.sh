#!/bin/sh
# A member of etcd, and another one's certificate (--peer-client-cert-auth) that comes from another address than it names.
#
# One would guess: a certificate of the right authority lets a member in, whatever address its host sends from: that is what
# certificates are for, and --peer-cert-allowed-hostname says which names may come.
# What happens: the connection is refused unless an address or name in the certificate is the one that it comes from. A host
# that has two addresses, and sends from the one that it does not advertise, never gets in; its own log has only "EOF".
# --experimental-peer-skip-client-san-verification ends that and leaves the check of the name alone.
# 3.4.23 and 3.5.30 alike:
#
#   from another address: refused
#   from its own address: let in
#   from another address, with the option: let in
#   with the option and another name: refused
. "$(dirname "$0")/etcd.sh"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=ca \
  -keyout "$work/ca.key" -out "$work/ca.crt" 2>/dev/null
# certificate NAME SAN
certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$work/$1.key" -out "$work/$1.csr" 2>/dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$2" >"$work/extensions"
  openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 1 \
    -extfile "$work/extensions" -out "$work/$1.crt" 2>/dev/null
}
certificate here DNS:manager,IP:127.0.71.1
certificate other DNS:manager,IP:127.0.71.2
certificate stranger DNS:worker,IP:127.0.71.2

# ask CERTIFICATE ADDRESS: as that one, from there.
ask() {
  curl -s --http1.1 -m 5 --interface "$2" --cacert "$work/ca.crt" --cert "$work/$1.crt" --key "$work/$1.key" \
    https://127.0.71.1:23801/members >/dev/null && echo 'let in' || echo refused
}
begin() {
  stop
  rm -rf "$work/here"
  start here 23800 --listen-peer-urls https://127.0.71.1:23801 --initial-advertise-peer-urls https://127.0.71.1:23801 \
    --initial-cluster here=https://127.0.71.1:23801 --peer-client-cert-auth --peer-cert-allowed-hostname manager \
    --peer-cert-file "$work/here.crt" --peer-key-file "$work/here.key" --peer-trusted-ca-file "$work/ca.crt" "$@"
  wait_for 30 'a member' status 23800
}

for version in 3.4.23 3.5.30; do
  program $version
  begin
  expect "$version from another address" "$(ask other 127.0.0.1)" refused
  expect "$version from its own address" "$(ask other 127.0.71.2)" 'let in'
  begin --experimental-peer-skip-client-san-verification
  expect "$version from another address, with the option" "$(ask other 127.0.0.1)" 'let in'
  expect "$version with the option and another name" "$(ask stranger 127.0.71.2)" refused
done
