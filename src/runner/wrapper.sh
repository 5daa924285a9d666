#!/bin/sh
# Direct parent of one training, and the only witness of its end.
#
#   sh wrapper.sh RUN LEVEL CGROUP BOOT_ID TOOLS GRACE CACHE SETUP COMMAND [ARGUMENT…]
#
# RUN is the run folder, LEVEL the containment (cgroup, pid_namespace, best_effort), TOOLS the PATH of this script, since
# the environment is the job's, GRACE whole seconds between TERM and KILL, CACHE the folder that keeps a finished setup,
# SETUP a shell line; CGROUP, CACHE and SETUP may be empty.
#
# It needs nobody: server and agent may die and come back while it waits. Files in RUN, each written once:
#
#   started       created exclusively, so that of two wrappers one does nothing
#   wrapper.json  setup.json  process.json    who runs: pid, start time (field 22 of /proc/PID/stat), boot id
#   setup-exit    raw status of the setup     exit    how it all ended, whole at once
#
# It reads `stop` (somebody ends this run), `deadline` (epoch seconds) and `lease` (seconds since boot), and `limits`:
# cgroups, one per line, that setup and training join. This wrapper does not, so that it lives to record whom the kernel
# has killed in them. It leaves `fenced` when it was the lease that made it end the run.
# The braces make sh read the file whole before it runs any of it: an upgrade may replace it underneath.
{
run=$1 level=$2 cgroup=$3 boot=$4 tools=$5 grace=$6 cache=$7 setup=$8
shift 8
path=$PATH
PATH=$tools
for setsid in /usr/bin/setsid /bin/setsid setsid; do [ -x $setsid ] && break; done
here=${0%/*}
cd "$run" || exit 70

# Writes to $1 who the calling shell is, by builtins alone: pids are reused, pid + start time + boot id are not.
identify() {
  read -r stat </proc/self/stat
  pid=${stat%% *}
  file=$1
  set -- ${stat##*) }
  shift 19
  printf '{"pid":%s,"startTime":%s,"bootId":"%s"}\n' "$pid" "$1" "$boot" >"$file"
}

# part WHO LOG COMMAND…: runs a command in its own session, with default signals and no pipe, and waits. It runs in
# the foreground, since sh makes a background command deaf to SIGINT. It is the first to go when memory runs out.
part() {
  (
    trap - HUP INT QUIT TERM
    echo 500 >/proc/self/oom_score_adj
    identify "$1"
    exec >>"logs/$2" 2>&1
    [ ! -e limits ] || while IFS= read -r file; do echo 0 >"$file/cgroup.procs" || exit 71; done <limits
    cd work || exit 70
    shift 2
    PATH=$path
    exec "$setsid" "$@"
  )
}

# Sends a signal to the whole tree but this wrapper and the loop below, as far as the containment can tell.
signal_tree() {
  case $level in
    inside) kill -s "$1" -- -1 ;;
    cgroup) read -r me _ </proc/self/stat; for p in $(cat "$cgroup/cgroup.procs" "$cgroup"/*/cgroup.procs); do
      [ "$p" = $$ ] || [ "$p" = "$me" ] || kill -s "$1" "$p"; done ;;
    *) who=setup.json; [ -e process.json ] && who=process.json
      read -r line <$who; p=${line#*:}; kill -s "$1" -- "-${p%%,*}" ;;
  esac
} 2>/dev/null

end_tree() {
  trap '' USR1
  true >>stop
  signal_tree TERM
  for _ in $(seq "$grace"); do [ -e exit ] && break; sleep 1; done
  signal_tree KILL
  exit 0
}

# past LIMIT NOW: whether the limit is more than 15 s ago.
past() {
  case $1 in '' | *[!0-9]*) return 1 ;; esac
  [ "$2" -gt $(($1 + 15)) ]
}

# Every 5 s: a limit that is 15 s past should have been seen to by somebody else, so nobody is there. USR1 ends the
# loop with its sleep; it goes by itself when the wrapper is gone.
watch_limits() {
  trap 'kill -9 $! 2>/dev/null; exit 0' USR1
  while :; do
    sleep 5 &
    wait $!
    kill -0 $$ 2>/dev/null || exit 0
    [ -s deadline ] && past "$(cat deadline)" "$(date +%s)" && end_tree
    [ -s lease ] && read -r now _ </proc/uptime && past "$(cat lease)" "${now%%.*}" && { true >>fenced; end_tree; }
  done
}

# finish PHASE CODE: the record, whole under its name at once, with the loop gone by then. It goes over room that was
# taken at the start, since a full disk is a common reason to end.
finish() {
  printf '{"phase":"%s","code":%s}\n' "$1" "$2" 1<>exit.part
  kill -USR1 $watch 2>/dev/null
  # Half the time of mv, which loads more libraries; some file systems have no hard links.
  link exit.part exit 2>/dev/null || mv exit.part exit
  wait $watch
  # The first process of a PID namespace takes everybody along: what the training left behind gets its own grace.
  [ $level = inside ] && while kill -s 0 -- -1 2>/dev/null; do sleep 0.1; done
  exit 0
}

# Keeps work/ and env/ for the next attempt with the same setup. Scripts name the folder that they were made in:
# those of env/ are rewritten, and an env/ that points into work/ (pip install -e .) is good for this run alone.
keep_setup() (
  trap - HUP INT QUIT TERM
  part=$cache.tmp-$$-${run##*/}
  mkdir -p "$part" && cp -a --reflink=auto work env "$part/" && printf '%s\n' "$run" >"$part/from" || { rm -rf "$part"; exit; }
  grep -rqIF --exclude=direct_url.json -- "$run/work" "$part/env" && { rm -rf "$part"; exit; }
  grep -rlIF -- "$run/env" "$part/env" | while IFS= read -r file; do sed -i "s|$run/env|$cache/env|g" "$file"; done
  mv -T "$part" "$cache" || rm -rf "$part"
)

if [ "$level" != inside ]; then
  leaf=$cgroup
  [ ! -d "$cgroup/wrapper" ] || leaf=$cgroup/wrapper
  [ -z "$cgroup" ] || echo $$ >"$leaf/cgroup.procs" || exit 71
  # Exclusive like mkdir, and by a builtin.
  set -C
  echo $$ >started || exit 0
  set +C
  identify wrapper.json
  if [ "$level" = pid_namespace ]; then
    exec unshare --pid --fork --kill-child --mount-proc --propagation slave \
      env PATH="$path" /bin/sh "$0" "$run" inside '' "$boot" "$tools" "$grace" "$cache" "$setup" "$@"
  fi
fi

printf '%64s\n' '' >exit.part
trap '' HUP INT QUIT TERM
watch_limits &
watch=$!

[ -e stop ] && finish setup 143
if [ -n "$setup" ]; then
  part setup.json setup /usr/bin/env PYTHONPATH="$here/setup-python${PYTHONPATH:+:$PYTHONPATH}" /bin/sh -c "$setup"
  code=$?
  [ $code = 0 ] && [ -n "$cache" ] && [ ! -e stop ] && keep_setup
  echo $code >setup-exit
  [ $code = 0 ] || finish setup $code
fi
[ -e stop ] && finish setup 143
part process.json 0 "$@"
finish run $?
}
