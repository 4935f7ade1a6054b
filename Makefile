# Rollbook: `make run` starts everything on this machine, `make test` checks everything, `make drill` breaks everything.
#
#   make run  PORT=8100 ROLLBOOK_HOME=/path    another port, another directory for everything it writes
#   make run  PYTHON=python3.12                another Python; 3.11 or newer
#   make drill                                 fault drills: kills, restarts, cut wires, full disks; needs root on Debian;
#                                              and every page in every width and colour scheme
#   make lock UPGRADE=1                        write the requirements*.txt anew, with the newest versions
#   make compose-secrets                       random secrets for docker-compose.yml, once

PYTHON ?= python3
IN_VENV := .venv/bin/python
INSTALL := config/embedded/install.py
PRODUCT := requirements.txt requirements-demo.txt

.PHONY: help run test drill lock compose-secrets python

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile

run: python
	@"$(PYTHON)" $(INSTALL) $(PRODUCT)
	@exec $(IN_VENV) -m config.embedded

test: python
	@"$(PYTHON)" $(INSTALL) $(PRODUCT) requirements-dev.txt
	@exec $(IN_VENV) -m tests.run

drill: python
	@"$(PYTHON)" $(INSTALL) $(PRODUCT) requirements-dev.txt
	@exec $(IN_VENV) -m tests.drill

# Each lock is made under those before it, so that all three can be installed together.
lock: python
	@"$(PYTHON)" $(INSTALL) $(PRODUCT) requirements-dev.txt
	@for part in requirements requirements-demo requirements-dev; do \
	    $(IN_VENV) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	        $(if $(UPGRADE),--upgrade) --output-file $$part.txt $$part.in || exit 1; \
	done

# Compose hands files on with their own permissions, so the files are readable and the directory is not.
compose-secrets: python
	@umask 077; mkdir -p var/secrets && cd var/secrets && test -e database_url || { \
	    random() { "$(PYTHON)" -c 'import secrets; print(secrets.token_urlsafe(48), end="")'; }; \
	    password=$$(random); \
	    random > secret_key; printf %s "$$password" > database_password; \
	    printf 'postgresql://rollbook:%s@postgres:5432/rollbook' "$$password" > database_url; \
	    chmod 444 secret_key database_password database_url; }

python:
	@command -v "$(PYTHON)" >/dev/null || { \
	    echo "There is no $(PYTHON): install Python 3.11 or newer, or name it, for example 'make run PYTHON=python3.12'." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is older than Python 3.11: install a newer one, or name it, for example 'make run PYTHON=python3.12'." >&2; exit 1; }
