# The front door. Needs a Debian-like Linux, root, Node.js with npm; installs the rest.
.PHONY: help up down test test-engines test-hosts test-managers bench examples lint packages web
.DEFAULT_GOAL := help

# What asks the registry of published containers in tests.
REGISTRY = dig bind9-dnsutils haproxy haproxy prometheus prometheus /usr/lib/python3/dist-packages/consul/__init__.py python3-consul

help:
	@echo 'make up        a swarm of three lab hosts with a service on it, to try things out'
	@echo 'make down      remove them, with everything on them'
	@echo 'make test      lint, unit tests, simulation, end-to-end tests on real engines'
	@echo 'make test-engines  the end-to-end tests on Docker Engine 26 and 28, fetched from Debian, with the newest client'
	@echo 'make test-hosts  servers that become Essaim hosts, and what is installed from packages; fetched from Debian'
	@echo 'make test-managers  what several managers survive: promotion killed at each step, five managers'
	@echo 'make web       the web interface, built for the browser'
	@echo 'make lint      types, style, directions of imports'
	@echo 'make bench     the benchmarks'
	@echo 'make examples  the voting application, WordPress and load balancers, each on a swarm of its own'

up: packages web
	@test/support/up.sh

down: node_modules/.installed
	@test/support/down.sh

# What the tests load is compiled once for all of them.
test: export NODE_COMPILE_CACHE = $(CURDIR)/node_modules/.cache/essaim/tests
test: web
	@test/support/packages.sh docker-registry docker-registry openssl openssl etcd etcd-server docker-compose docker-compose cfssl golang-cfssl chromium chromium debootstrap debootstrap $(REGISTRY)
	@test/support/trees.sh >/dev/null
	npm run --silent check
	npm run --silent unit
	npm run --silent sim
	npm run --silent pages
	npm run --silent e2e:alone
	npm run --silent e2e -- 'test/e2e/engine28/*.test.ts'

# All are run, whatever the first one says.
test-engines: web
	@test/support/packages.sh docker-registry docker-registry openssl openssl etcd etcd-server docker-compose docker-compose chromium chromium $(REGISTRY)
	@failed=; for engine in 26 28; do \
	  echo "On Docker Engine $$engine"; \
	  for tests in e2e:alone e2e; do ENGINE=$$engine npm run --silent $$tests || failed="$$failed $$engine"; done; \
	done; [ -z "$$failed" ] || { echo "Tests have failed on Docker Engine$$failed"; exit 1; }

# Needs Debian's mirror and npm's registry.
test-hosts: web
	@test/support/packages.sh debootstrap debootstrap openssl openssl
	@test/support/trees.sh >/dev/null
	npm run --silent e2e:hosts

# Minutes of kills and losses, more than each change has to wait for.
test-managers: packages
	@test/support/packages.sh etcd etcd-server
	npm run --silent e2e:managers

bench: packages web
	@for bench in bench/*/main.ts; do node_modules/.bin/node $$bench || exit 1; done

examples: packages node_modules/.installed
	@for example in examples/*/try; do $$example || exit 1; done

lint: node_modules/.installed
	npm run --silent check

# The browser's side of the web interface; seconds, and nothing where nothing has changed.
web: web/dist/index.html
web/dist/index.html: node_modules/.installed web/index.html web/vite.config.ts src/ui/protocol.ts $(shell find web/src web/public -type f)
	@rm -rf web/dist
	@node_modules/.bin/vite build web --logLevel warn

packages:
	@test/support/packages.sh

# A clean install whenever the lock file is newer than what is there.
node_modules/.installed: package-lock.json
	npm ci
	@# Builds the program; later bin/essaim does so whenever a source is newer.
	@bin/essaim --version >/dev/null
	@touch $@
