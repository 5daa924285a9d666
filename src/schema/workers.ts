import { shellQuote } from './vendor-config.js'

/**
 * A shell line that runs `command` so many times on one host, each with `NODE_RANK`, `WORLD_SIZE`, `MASTER_ADDR` and
 * `MASTER_PORT`. The first that fails ends the others and gives the exit code; a SIGTERM is passed on to all.
 */
export function severalWorkers(command: string, count: number): string {
  return LAUNCHER.replaceAll('COUNT', String(count)).replace('COMMAND', () => shellQuote(command))
}

// The ends come over a named pipe, since a plain `sh` can wait for all children or for one, but not for the next. A
// signal cuts a `wait` or a `read` short; both are then asked again.
const LAUNCHER = `dir=$(mktemp -d) && mkfifo "$dir/ends" && exec 3<>"$dir/ends" || exit 1
rm -rf "$dir"
export WORLD_SIZE=COUNT MASTER_ADDR=127.0.0.1 MASTER_PORT="\${MASTER_PORT:-$((20000 + $$ % 20000))}"
worker() {
  child= ended=
  trap 'ended=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
  NODE_RANK=$1 sh -c COMMAND 3>&- &
  child=$!
  [ -z "$ended" ] || kill -TERM "$child" 2>/dev/null
  wait "$child"; code=$?
  while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
  echo "$code" >&3
}
workers=
rank=0
while [ "$rank" -lt COUNT ]; do
  worker "$rank" &
  workers="$workers $!"
  rank=$((rank + 1))
done
trap 'kill -TERM $workers 2>/dev/null' TERM
result=0
left=COUNT
while [ "$left" -gt 0 ]; do
  read -r code <&3 || continue
  left=$((left - 1))
  if [ "$code" -ne 0 ] && [ "$result" -eq 0 ]; then
    result=$code
    kill -TERM $workers 2>/dev/null
  fi
done
exit "$result"`
