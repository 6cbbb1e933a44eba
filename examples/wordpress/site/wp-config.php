<?php
// Where the database is, from the environment and, for the password, a secret where there is one. The keys that sign
// cookies are kept in the database, where WordPress makes them: so a visitor who logged in at one replica is known to the
// other.
define('DB_HOST', getenv('WORDPRESS_DB_HOST') ?: 'db');
define('DB_USER', getenv('WORDPRESS_DB_USER') ?: 'wordpress');
define('DB_NAME', getenv('WORDPRESS_DB_NAME') ?: 'wordpress');
define('DB_PASSWORD', getenv('WORDPRESS_DB_PASSWORD') ?: trim(file_get_contents('/run/secrets/db_password')));
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
$table_prefix = 'wp_';
// The site has the name that it was asked by: every host of the swarm answers for it.
if (isset($_SERVER['HTTP_HOST'])) {
    define('WP_HOME', 'http://' . $_SERVER['HTTP_HOST']);
    define('WP_SITEURL', WP_HOME);
}
// Answers tell which replica gave them.
header('X-Served-By: ' . gethostname());
define('FS_METHOD', 'direct');
define('AUTOMATIC_UPDATER_DISABLED', true);
if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
