# Sourced after setup.sh: sets DISPLAY to a virtual screen that goes when the script ends.

number=$(mktemp)
Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp 3>"$number" >/dev/null 2>&1 &
screen=$!
trap 'kill "$screen" 2>/dev/null; wait "$screen" 2>/dev/null || :; rm -f "$number"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
tries=0
while [ ! -s "$number" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ]; then
        say "The virtual screen (Xvfb) did not start."
        exit 1
    fi
    sleep 0.1
done
DISPLAY=:$(cat "$number")
export DISPLAY
unset WAYLAND_DISPLAY QT_QPA_PLATFORM
