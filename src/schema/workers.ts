import { shellQuote } from './vendor-config.js'

/** How long the others get after SIGTERM when one has failed. Seconds. */
const GRACE = 10

/**
 * A shell line that runs a command `count` times side by side on one host, each with its `NODE_RANK`, with `WORLD_SIZE`,
 * `MASTER_ADDR`, `MASTER_PORT`, and with its equal part of the GPUs. It ends when all have ended; the first that fails ends the
 * others and gives the exit code. What wants to stop it signals every process of the tree, as Anneal does: then the
 * launcher waits for all to end by themselves and sends no signal of its own, since a second SIGTERM makes some programs drop
 * the checkpoint that they are writing.
 */
export function severalWorkers(command: string, count: number): string {
  if (count <= 1) return command
  return `command=${shellQuote(command)} count=${count} grace=${GRACE}\n${LAUNCHER}`
}

/**
 * POSIX sh, whose `wait` cannot wait for the first of several: each worker has a subshell of its own that reports its pid
 * and its end through a pipe without a name. A `trap :` is undone in what is started, other than `trap ''`.
 */
const LAUNCHER = `
dir=$(mktemp -d) && mkfifo "$dir/reports" && exec 3<>"$dir/reports" || exit 70
rm -rf "$dir"
export WORLD_SIZE=$count MASTER_ADDR=127.0.0.1
export MASTER_PORT=$((10000 + $(od -An -N2 -tu2 /dev/urandom) % 20000))
stopped= timer= pids= code=0 rank=0 left=$count
trap 'stopped=yes' TERM

gpus_of() {
  all=$(printf %s "$CUDA_VISIBLE_DEVICES" | tr , '\\n' | grep -c .)
  each=$((all / count))
  [ "$each" -gt 0 ] && printf %s "$CUDA_VISIBLE_DEVICES" | cut -d, -f "$(($1 * each + 1))-$((($1 + 1) * each))"
}

worker() {
  trap : TERM
  export NODE_RANK=$1
  [ -z "$CUDA_VISIBLE_DEVICES" ] || export CUDA_VISIBLE_DEVICES="$(gpus_of "$1")"
  /bin/sh -c "$command" 3>&- &
  pid=$!
  echo "pid $pid" >&3
  wait $pid
  status=$?
  while kill -0 $pid 2>/dev/null; do wait $pid; status=$?; done
  echo "end $status" >&3
}

while [ $rank -lt $count ]; do
  worker $rank &
  rank=$((rank + 1))
done

signal() {
  for pid in $pids; do kill -s "$1" "$pid" 2>/dev/null; done
}

failed() {
  code=$1
  [ -z "$stopped" ] || return 0
  signal TERM
  (sleep $grace; echo 'kill 0' >&3) >/dev/null 2>&1 &
  timer=$!
}

while [ $left -gt 0 ]; do
  read -r what value <&3 || continue
  case $what in
    pid) pids="$pids $value"; [ $code = 0 ] || [ -n "$stopped" ] || kill "$value" 2>/dev/null ;;
    kill) signal KILL ;;
    end) left=$((left - 1)); [ "$value" = 0 ] || [ $code != 0 ] || failed "$value" ;;
  esac
done
[ -z "$timer" ] || kill $timer 2>/dev/null
exit $code
`
