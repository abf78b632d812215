#!/bin/sh
# Starts the server again whenever it has ended: ./run.sh PYTHON PORT
while true; do
    "$1" -m uvicorn server:app --app-dir "$(dirname "$0")" --port "$2" --log-level warning
    echo "run.sh: the server ended with $?; once more in half a second" >&2
    sleep 0.5
done
