# Sourced by run and test: sets $root and $venv, and gives them set_up.
# The first set-up takes minutes; after that a glance at a file is enough.

root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd -P)
venv=${MIGBAR_VENV:-$root/.venv}
case $venv in /*) ;; *) venv=$PWD/$venv ;; esac

say() { printf '%s\n' "$*" >&2; }

# What a finished environment depends on.
key() {
    printf '%s\n' "$root" "$venv" "$(readlink -f "$venv/bin/python")"
    (cd "$root" && cat pyproject.toml packaging/constraints.txt packaging/environment.py) | cksum
}

find_python() {
    # A plain python3 first: it is the one that has pip.
    if [ -n "${MIGBAR_PYTHON:-}" ]; then
        set -- "$MIGBAR_PYTHON"
    else
        set -- python3 python3.13 python3.12 python3.11
    fi
    suits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
    for python; do
        if "$python" -c "$suits" 2>/dev/null; then
            return
        fi
    done
    say "MigBar needs Python 3.11, 3.12 or 3.13; $1 is $("$1" --version 2>/dev/null || echo missing)." \
        "Install one, or name one: MIGBAR_PYTHON=/path/to/python3.12 $0"
    exit 1
}

# set_up PURPOSE…: have an environment that is ready for all of these.
set_up() {
    ready_for= ready_key=
    if [ -r "$venv/ready" ]; then
        { read -r ready_for; ready_key=$(cat); } <"$venv/ready"
    fi
    if [ "$ready_key" = "$(key)" ]; then
        case "$ready_for " in "$* "*) return ;; esac
    fi
    find_python
    "$python" -I "$root/packaging/environment.py" "$venv" "$@" >&2 || exit
    { echo "$*"; key; } >"$venv/ready.new"
    mv "$venv/ready.new" "$venv/ready"
}
