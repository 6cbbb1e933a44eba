# What visitors and the owner of a WordPress site do, for a `try`; its owner's password is in $password.
password=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')

# Whether a page at a host has that text: shows TEXT URL
shows() { fetch -L "$2" | grep "$1" >/dev/null; }
# Installs the site at a host: install ADDRESS
install_site() {
  within 180 'WordPress finds its database' shows 'id="setup"' "http://$1:8000/wp-admin/install.php?step=1"
  fetch "http://$1:8000/wp-admin/install.php?step=2" --data-urlencode 'weblog_title=The Swarm' --data user_name=owner \
    --data "admin_password=$password" --data "admin_password2=$password" --data-urlencode admin_email=owner@example.org |
    grep wp-login.php >/dev/null || fail 'the site could not be installed'
}
# Makes a page at a host, and tells its number as $page: write ADDRESS TITLE
write() {
  fetch -c "$work/cookies" -b 'wordpress_test_cookie=WP Cookie check' -o /dev/null "http://$1:8000/wp-login.php" \
    --data-urlencode log=owner --data-urlencode "pwd=$password" --data testcookie=1
  nonce=$(fetch -b "$work/cookies" "http://$1:8000/wp-admin/admin-ajax.php?action=rest-nonce")
  page=$(fetch -b "$work/cookies" -H "X-WP-Nonce: $nonce" "http://$1:8000/index.php?rest_route=/wp/v2/pages" \
    --data status=publish --data-urlencode "title=$2" | sed -n 's/^{"id":\([0-9]*\),.*/\1/p')
  [ -n "$page" ] || fail "the page '$2' could not be made"
}
