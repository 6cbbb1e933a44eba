# What is done on a host, by step: "$1" with the arguments that follow, as root. Each may be repeated. Read from standard input
# with a line before it that sets the arguments: on a command line everybody there could read a key.
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
top=/opt/essaim
units=/etc/systemd/system

has() { command -v "$1" >/dev/null 2>&1; }
init() {
  if [ -d /run/systemd/system ]; then echo systemd
  elif has rc-service && [ -d /run/openrc ]; then echo openrc
  else echo none; fi
}

# PROGRAM → package, by package manager. Only Debian's was tried.
package_of() { # MANAGER PROGRAM
  case $1:$2 in
    apt-get:dockerd | apt-get:containerd) echo docker.io ;;
    # Newer releases have the client in a package of its own.
    apt-get:docker) if apt-cache show docker-cli >/dev/null 2>&1; then echo docker-cli; else echo docker.io; fi ;;
    dnf:docker) echo docker-cli ;;
    dnf:dockerd | dnf:containerd) echo moby-engine ;;
    *:dockerd | *:containerd) echo docker ;;
    apt-get:ip) echo iproute2 ;;
    dnf:ip) echo iproute ;;
    *:ip) echo iproute2 ;;
    apt-get:etcd) echo etcd-server ;;
    apt-get:conntrack) echo conntrack ;;
    *:conntrack) echo conntrack-tools ;;
    dnf:iptables) echo iptables-nft ;;
    *:iptables) echo iptables ;;
    *:nft) echo nftables ;;
    *:sysctl) case $1 in apt-get | zypper) echo procps ;; *) echo procps-ng ;; esac ;;
    *:mount) case $1 in apt-get) echo mount ;; *) echo util-linux ;; esac ;;
    *:nsenter) echo util-linux ;;
    *) echo "$2" ;;
  esac
}

apt_get() { apt-get -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=120 "$@"; }

# What programs that are missing come from; prints the packages that were installed.
install_packages() { # MANAGER PROGRAM…
  manager=$1
  shift
  if [ "$manager" = apt-get ]; then
    # An earlier run may have been cut off.
    dpkg --configure -a >&2
    apt_get update -qq >&2
  fi
  packages=
  for program in "$@"; do
    package=$(package_of "$manager" "$program")
    case " $packages " in *" $package "*) ;; *) packages="$packages $package" ;; esac
  done
  case $manager in
    # shellcheck disable=SC2086
    apt-get) apt_get install -y -qq --no-install-recommends $packages >&2 ;;
    dnf) dnf install -y -q $packages >&2 ;;
    zypper) zypper --non-interactive --quiet install $packages >&2 ;;
    apk) apk add --quiet $packages >&2 ;;
    pacman) pacman -Sy --noconfirm --needed $packages >&2 ;;
  esac
  echo "$packages"
}

# Several managers keep their state in etcd; Essaim starts its own, the distribution's service is not needed.
install_etcd() { # MANAGER
  ! has etcd || return 0
  case $1 in
    apt-get)
      if [ "$(init)" = systemd ]; then systemctl mask --runtime -q etcd; fi
      install_packages apt-get etcd
      if [ "$(init)" = systemd ]; then
        systemctl unmask --runtime -q etcd
        systemctl disable -q etcd >&2
      fi
      ;;
    '') echo 'several managers need etcd, and no package manager that we know is there to bring it' >&2; exit 1 ;;
    *) install_packages "$1" etcd ;;
  esac
}

engine_help() { dockerd --help 2>&1; }

start_engine() {
  case $(init) in
    systemd) systemctl enable --now docker >&2 ;;
    openrc) rc-update add docker default >&2 && rc-service docker start >&2 ;;
    none) service docker start >&2 || { setsid dockerd >/var/log/docker.log 2>&1 </dev/null & } ;;
  esac
  i=0
  until docker -H unix:///var/run/docker.sock version >/dev/null 2>&1; do
    i=$((i + 1))
    [ $i -lt 60 ] || { echo 'Docker Engine does not answer within 60 s' >&2; engine_log; exit 1; }
    sleep 1
  done
  docker -H unix:///var/run/docker.sock version --format '{{.Server.Version}}'
}
engine_log() {
  if [ "$(init)" = systemd ]; then journalctl -u docker -n 15 --no-pager -o cat >&2
  else tail -n 15 /var/log/docker.log >&2; fi
}

# Settings that the engine reads while it runs. What was there before stays beside them.
write_daemon_json() { # JSON
  mkdir -p /etc/docker
  [ ! -e /etc/docker/daemon.json ] || [ -e /etc/docker/daemon.json.before-essaim ] ||
    cp -p /etc/docker/daemon.json /etc/docker/daemon.json.before-essaim
  printf '%s\n' "$1" >/etc/docker/daemon.json.new
  mv /etc/docker/daemon.json.new /etc/docker/daemon.json
  case $(init) in
    systemd) systemctl reload docker ;;
    *) kill -HUP "$(cat /var/run/docker.pid)" ;;
  esac
}

# Flags and environment of the engine, which restart it. The unit's own command line is kept.
engine_flags() { # ENVIRONMENT FLAGS   each quoted as systemd wants it; both empty: away with ours
  [ "$(init)" = systemd ] || { echo '--engine-opt and --engine-env need systemd on the host' >&2; exit 1; }
  folder=$units/docker.service.d
  file=$folder/essaim.conf
  if [ -z "$1$2" ]; then
    [ -e "$file" ] || return 0
    rm -f "$file"
  else
    command=$(systemctl show docker -p FragmentPath --value | xargs sed -n 's/^ExecStart=//p' | head -n 1)
    [ -n "$command" ] || { echo 'docker.service has no ExecStart that flags could be added to' >&2; exit 1; }
    mkdir -p "$folder"
    printf '[Service]\n%sExecStart=\nExecStart=%s %s\n' "${1:+Environment=$1
}" "$command" "$2" >"$file.new"
    if [ -e "$file" ] && cmp -s "$file" "$file.new"; then
      rm "$file.new"
      return 0
    fi
    mv "$file.new" "$file"
  fi
  systemctl daemon-reload
  if ! systemctl restart docker; then
    engine_log
    rm -f "$file"
    systemctl daemon-reload
    systemctl reset-failed docker
    systemctl restart docker
    echo 'The engine does not start with these settings: it runs without them' >&2
    exit 1
  fi
}

# Leads to the release; prints which one was before.
switch_to() { # RELEASE
  before=$(cat $top/release 2>/dev/null || :)
  [ -d "$top/releases/$1" ] || { echo "release $1 is not there" >&2; exit 1; }
  ln -sfn "releases/$1" $top/current.new
  mv -T $top/current.new $top/current
  echo "$1" >$top/release
  mkdir -p /usr/local/bin
  ln -sfn $top/current/bin/essaim /usr/local/bin/essaim
  echo "$before"
}
forget_others() {
  current=$(cat $top/release)
  for release in "$top"/releases/*; do
    [ "$release" = "$top/releases/$current" ] || rm -rf "$release"
  done
}

# Certificates as docker-machine named them, and the daemon's options.
# Prints "changed" where the daemon that runs was started with others.
configure() { # OPTIONS CA SERVER KEY
  before=$(cat /etc/default/essaim /etc/essaim/tls/*.pem 2>/dev/null | cksum)
  umask 077
  mkdir -p /etc/essaim/tls
  printf '%s' "$2" >/etc/essaim/tls/ca.pem
  printf '%s' "$3" >/etc/essaim/tls/server.pem
  printf '%s' "$4" >/etc/essaim/tls/server-key.pem
  umask 022
  mkdir -p /etc/default
  printf "# Written by essaim machine.\nESSAIM_OPTIONS='%s'\n" "$1" >/etc/default/essaim
  # Who logs in there has docker speak to Essaim.
  printf 'export DOCKER_HOST=unix:///run/essaim/docker.sock\n' >/etc/profile.d/essaim.sh
  [ "$before" = "$(cat /etc/default/essaim /etc/essaim/tls/*.pem | cksum)" ] || echo changed
}

install_service() {
  from=$top/current/packaging
  case $(init) in
    systemd)
      for unit in essaim essaim-tasks; do
        sed "s|@PROGRAM@|$top/current/bin/essaim|" "$from/$unit.service" >"$units/$unit.service"
      done
      systemctl daemon-reload
      systemctl enable -q essaim
      ;;
    openrc)
      install_supervise
      for script in essaim essaim-tasks; do
        sed "s|@SUPERVISE@|$top/supervise|" "$from/$script.openrc" >"/etc/init.d/$script"
        chmod +x "/etc/init.d/$script"
        rc-update -q add "$script" default
      done
      ;;
    none) install_supervise ;;
  esac
}
install_supervise() {
  sed "s|@PROGRAM@|$top/current/bin/essaim|" "$from/supervise" >$top/supervise
  chmod +x $top/supervise
}
start_service() {
  case $(init) in
    systemd)
      # One that could not start is tried no more until it is forgiven.
      systemctl reset-failed essaim 2>/dev/null || :
      systemctl start essaim essaim-tasks || { service_log >&2; exit 1; }
      ;;
    openrc)
      # What OpenRC holds for started may have been killed.
      $top/supervise status || rc-service -q essaim zap
      rc-service -q essaim start
      rc-service -q essaim-tasks start
      ;;
    none) $top/supervise start ;;
  esac
}
# The daemon alone ends: containers go on.
stop_service() {
  case $(init) in
    systemd) systemctl stop essaim ;;
    openrc) rc-service -q essaim stop ;;
    none) $top/supervise stop ;;
  esac
}
# Tasks leave the balancers, then they are stopped.
switch_off() {
  case $(init) in
    systemd)
      systemctl stop essaim-tasks
      systemctl stop essaim
      ;;
    openrc)
      rc-service -q essaim-tasks stop
      rc-service -q essaim stop
      ;;
    none) $top/supervise switch-off ;;
  esac
}
service_state() {
  case $(init) in
    systemd) systemctl is-active essaim || : ;;
    *) if [ -x $top/supervise ] && $top/supervise status; then echo active; else echo inactive; fi ;;
  esac
}
service_log() {
  if [ "$(init)" = systemd ]; then journalctl -u essaim -n 15 --no-pager -o cat
  else tail -n 15 /var/log/essaim.log; fi
}

# Essaim goes; the engine and its containers stay.
remove() {
  if [ -e $top/release ] || [ -d $top/releases ]; then
    [ ! -e "$units/essaim.service" ] && [ ! -e /etc/init.d/essaim ] && [ ! -x $top/supervise ] || stop_service || :
  fi
  case $(init) in
    systemd)
      systemctl disable -q essaim 2>/dev/null || :
      rm -f "$units/essaim.service" "$units/essaim-tasks.service"
      systemctl daemon-reload
      systemctl reset-failed essaim essaim-tasks 2>/dev/null || :
      ;;
    openrc)
      rc-service -q essaim-tasks zap 2>/dev/null || :
      for script in essaim essaim-tasks; do
        rc-update -q del "$script" 2>/dev/null || :
        rm -f "/etc/init.d/$script"
      done
      ;;
  esac
  case $(readlink /usr/local/bin/essaim 2>/dev/null || :) in "$top"/*) rm -f /usr/local/bin/essaim ;; esac
  umount /var/lib/essaim/daemon/files 2>/dev/null || :
  rm -rf $top /etc/essaim /var/lib/essaim/daemon /var/cache/essaim /run/essaim
  rm -f /etc/default/essaim /etc/profile.d/essaim.sh /var/log/essaim.log
  rmdir /var/lib/essaim 2>/dev/null || :
}

step=$1
shift
"$step" "$@" </dev/null
