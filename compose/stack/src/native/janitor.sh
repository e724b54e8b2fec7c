# Cleans up after a process that could not do it itself. Its standard input is a pipe whose other
# end only that process holds: end of input means that it is gone, however it went.
# $1 is the directory of its stack. A stopped child of the database would outlive it otherwise.
trap '' INT TERM HUP
cat >/dev/null
[ -d "$1" ] || exit 0
for process in /proc/[0-9]*; do
  case "$(readlink "$process/cwd" 2>/dev/null)" in
    "$1"/*) kill -KILL "${process#/proc/}" 2>/dev/null ;;
  esac
done
segment=$(sed -n 7p "$1/postgres/postmaster.pid" 2>/dev/null | awk '{ print $2 }')
[ -z "$segment" ] || ipcrm -m "$segment" 2>/dev/null
# A file may still be written by a process that is about to end.
for _ in 1 2 3 4 5; do
  rm -rf "$1" 2>/dev/null && exit 0
  sleep 0.2
done
